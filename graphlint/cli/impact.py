"""``graphlint impact``."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("text", "json", "dot", "mermaid", "svg")


@click.command("impact")
@click.argument("models", nargs=-1, required=True, metavar="FILE|MODULE:ATTRIBUTE...")
@click.option("--at", "address", required=True, metavar="ADDRESS", help="A layer, variable, call or tensor.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def command(models: tuple[str, ...], address: str, format_: str, output: Path | None) -> None:
    """Say what depends on a part of a model, or of several together: what changes if it is retrained, replaced or
    quantized, what stops training if it is frozen, and what is lost if it is removed.

    Files are only read. DOT, Mermaid and SVG draw the calls that depend on it. With several models, and if the Python
    code returns several, addresses begin with the name of a model: encoder:dense.
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
    else:
        from graphlint.findings.finding import Finding, Location, Severity
        from graphlint.reports.drawing import dot, mermaid
        from graphlint.reports.html.svg import svg

        marks = [
            Finding(
                "IMPACT",
                "depends-on-it",
                Severity.INFO,
                message=f"depends on {found.address}",
                model=", ".join(models),
                location=Location(call, graph.layer(at).path),
            )
            for one in found.models
            for call in one.calls
            for at in [str(resolve(graph, call))]
            if at in graph.calls
        ]
        write({"dot": dot, "mermaid": mermaid, "svg": svg}[format_](graph, marks, depth=None), output)
