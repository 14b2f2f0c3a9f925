"""``graphlint config``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("config")
def command() -> None:
    """What a configuration may say."""


@command.command("schema")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
def schema_command(output: Path | None) -> None:
    """Print the JSON schema of the configuration, with the options of all installed rules, for editors."""
    from graphlint.cli.output import write
    from graphlint.engine.registry import load_registry
    from graphlint.engine.schema import schema

    write(json.dumps(schema(load_registry()), indent=2), output)
