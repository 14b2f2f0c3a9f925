"""``graphlint rule``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("rule")
@click.argument("rule")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Use this configuration file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--allow-plugins", is_flag=True, help="Import the plugins that the configuration names.")
def command(rule: str, format_: str, config: Path | None, isolated: bool, allow_plugins: bool) -> None:
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
    found = Session(config=config, isolated=isolated, allow_plugins=allow_plugins).linter_for(None).registry.get(rule)
    write(json.dumps(describe(found), indent=2) if format_ == "json" else text(found), None)
