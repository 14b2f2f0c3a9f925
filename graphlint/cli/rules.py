"""``graphlint rules``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("rules")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Use this configuration file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def command(format_: str, config: Path | None, isolated: bool) -> None:
    """List all rules, those of plugins included."""
    from graphlint.cli.output import write
    from graphlint.cli.session import Session
    from graphlint.engine.documentation import describe

    rules = [describe(rule) for rule in Session(config=config, isolated=isolated).linter_for(None).registry]
    if format_ == "json":
        write(json.dumps(rules, indent=2), None)
        return
    width = max((len(rule["name"]) for rule in rules), default=0)
    lines = []
    for rule in rules:
        mark = "preview: " if rule["preview"] else "" if rule["default"] else "off: "
        lines.append(f"{rule['code']:<6} {rule['name']:<{width}}  {rule['severity']:<7}  {mark}{rule['summary']}")
    write("\n".join(lines), None)
