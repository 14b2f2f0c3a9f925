"""``graphlint rule``."""

from __future__ import annotations

import json
import re

import click

from graphlint.cli.completing import rules
from graphlint.cli.configured import Configured, config_option

_BLOCK = re.compile(r"\n*(^```.*?^```|^## .*?$)\n*", re.MULTILINE | re.DOTALL)
"""A block of code or a heading, in the page of a rule."""


@click.command("rule")
@click.argument("rule", shell_complete=rules)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@config_option
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--allow-plugins", is_flag=True, help="Import the plugins that the configuration names.")
def command(rule: str, format_: str, config: Configured, isolated: bool, allow_plugins: bool) -> None:
    """Explain RULE, a code or a name."""
    from graphlint.cli.output import write
    from graphlint.cli.session import Session
    from graphlint.engine.documentation import describe, text
    from graphlint.findings.tool_findings import TOOL_FINDINGS

    for code, (name, meaning) in TOOL_FINDINGS.items():
        if rule in (code, name):
            document = {"code": code, "name": name, "severity": "error", "documentation": meaning}
            write(json.dumps(document, indent=2) if format_ == "json" else f"{code} {name} (error)\n\n{meaning}", None)
            return
    session = Session(config=config.path, isolated=isolated, settings=config.settings, allow_plugins=allow_plugins)
    found = session.linter_for(None).registry.get(rule)
    write(json.dumps(describe(found), indent=2) if format_ == "json" else _rendered(text(found)), None)


def _rendered(markdown: str) -> str:
    """A page for reading in a terminal."""
    from io import StringIO
    from shutil import get_terminal_size

    from rich.console import Console
    from rich.markdown import Markdown

    from graphlint.cli.output import wants_color

    head, _, body = markdown.partition("\n\n")
    color = wants_color()
    width = min(100, max(50, get_terminal_size().columns))
    screen = Console(file=StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False)
    screen.print(head, style="bold", markup=False)
    for part in filter(None, _BLOCK.split(body)):
        code = part.startswith("```")
        title = part.startswith("## ")
        screen.print()
        if code:
            inside = part.partition("\n")[2].rpartition("\n")[0]
            for line in inside.splitlines():
                screen.print(f"    {line}".rstrip(), style="dim", markup=False, soft_wrap=True)
        elif title:
            screen.print(part.removeprefix("## "), style="bold", markup=False)
        else:
            screen.print(Markdown(part))
    assert isinstance(screen.file, StringIO)
    lines = [line.rstrip() for line in screen.file.getvalue().splitlines()]
    return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line or before)
