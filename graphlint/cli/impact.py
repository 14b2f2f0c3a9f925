"""``graphlint impact``."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("text", "json", "dot", "mermaid", "svg", "html")


@click.command("impact")
@click.argument("models", nargs=-1, required=True, metavar="FILE|MODULE:ATTRIBUTE...")
@click.option("--at", "address", required=True, metavar="ADDRESS", help="A layer, variable, call or tensor.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def command(models: tuple[str, ...], address: str, format_: str, output: Path | None) -> None:
    """Say what depends on a part of a model, or of several together: what changes if it is retrained, replaced or
    quantized, what stops training if it is frozen, and what is lost if it is removed.

    Files are only read. DOT, Mermaid, SVG and HTML draw the graph with what depends on it marked. With several models,
    and if the Python code returns several, addresses begin with the name of a model: encoder:dense.
    """
    from dataclasses import asdict

    from graphlint.cli.models import graph_of_all
    from graphlint.cli.output import write
    from graphlint.model.resolve import resolve
    from graphlint.questions.impact import impact

    graph = graph_of_all(models)
    node = resolve(graph, address)
    found = impact(graph, node)
    if format_ == "text":
        from graphlint.reports.safe import in_line

        write("\n".join(map(in_line, str(found).splitlines())), output)
    elif format_ == "json":
        from graphlint.reports.json import dumps

        write(dumps(asdict(found)), output)
    elif format_ == "html":
        from graphlint.reports.impact import page

        write(page(graph, node, found), output)
    else:
        from graphlint.reports.impact import drawn

        write(drawn(graph, node, format_), output)
