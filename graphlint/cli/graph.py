"""``graphlint graph``."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("dot", "mermaid", "graphml", "json")


@click.command("graph")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="dot", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def command(model: Path, format_: str, output: Path | None) -> None:
    """Print the graph of the model in a file, without loading it.

    DOT and Mermaid show the calls and the tensors between them; GraphML and JSON also contain variables and layers.
    """
    from graphlint.api import read_graph
    from graphlint.cli.output import write
    from graphlint.reports.drawing import FORMATS

    write(FORMATS[format_](read_graph(model)), output)
