"""``graphlint rules``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import click

from graphlint.cli.configured import Configured, config_option

if TYPE_CHECKING:
    from graphlint.engine.rule import Rule


@click.command("rules")
@click.option("--format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@config_option
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--allow-plugins", is_flag=True, help="Import the plugins that the configuration names.")
def command(format_: str, config: Configured, isolated: bool, allow_plugins: bool) -> None:
    """List all rules, including those of plugins: severity, the fix they offer, what they need, what they report.

    --format markdown prints their pages too.
    """
    from graphlint.cli.output import write
    from graphlint.cli.session import Session
    from graphlint.engine.documentation import describe, reference

    session = Session(config=config.path, isolated=isolated, settings=config.settings, allow_plugins=allow_plugins)
    rules = list(session.linter_for(None).registry)
    if format_ == "json":
        write(json.dumps([describe(rule) for rule in rules], indent=2), None)
    elif format_ == "markdown":
        write(reference(rules), None)
    else:
        write("\n".join(_lines(rules)), None)


def _lines(rules: list[type[Rule]]) -> Iterator[str]:
    """Two lines or more for each rule, of at most 80 columns."""
    from textwrap import wrap

    from graphlint.engine.documentation import family, offered_fix, page, short_needs

    width = max((len(rule.name) for rule in rules), default=0)
    for title, members in groupby(rules, key=family):
        yield f"{title}:"
        for rule in members:
            fix = f"{offered_fix(rule)} fix" if offered_fix(rule) else ""
            facts = [rule.severity.value, fix, "+".join(short_needs(rule))]
            yield f"{rule.code:<6} {rule.name:<{width}}  {', '.join(filter(None, facts))}".rstrip()
            mark = "preview: " if rule.preview else "" if rule.default else "off: "
            yield from wrap(f"{mark}{page(rule).summary}", 80, initial_indent=" " * 7, subsequent_indent=" " * 7)
