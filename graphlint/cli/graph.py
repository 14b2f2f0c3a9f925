"""``graphlint graph``."""

from __future__ import annotations

from pathlib import Path

import click

from graphlint.cli.configured import Configured, config_option

_FORMATS = ("dot", "mermaid", "svg", "html", "graphml", "json")


@click.command("graph")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="dot", show_default=True)
@click.option("--depth", type=click.IntRange(0), metavar="N", help="Open N levels of nested models, and no more.")
@click.option("--only-findings", is_flag=True, help="Only what was found and what is next to it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@config_option
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def command(
    model: Path,
    format_: str,
    depth: int | None,
    only_findings: bool,
    output: Path | None,
    config: Configured,
    isolated: bool,
) -> None:
    """Print the graph of the model in a file, without loading it.

    DOT, Mermaid, SVG and HTML show the calls and the tensors between them, with what `graphlint check` finds there;
    GraphML and JSON also contain variables and layers. SVG needs the extra `svg`. HTML is the page of `check --format
    html`, which folds by itself.
    """
    from graphlint.cli.output import write

    if format_ in ("graphml", "json", "html") and (depth is not None or only_findings):
        raise click.UsageError(f"--depth and --only-findings are for dot, mermaid and svg, got --format {format_}")
    if format_ in ("graphml", "json"):
        from graphlint.api import read_graph
        from graphlint.reports.drawing import FORMATS

        write(FORMATS[format_](read_graph(model)), output)
        return
    from graphlint.cli.session import Session
    from graphlint.errors import UnreadableError

    linter = Session(config=config.path, isolated=isolated, settings=config.settings).linter_for(model)
    checked = linter.check_file(model, model.as_posix())
    if checked.graph is None:
        raise UnreadableError(f"{model.as_posix()}: {checked.reason}")
    if format_ == "html":
        from graphlint.reports import render

        write(render(linter.report([checked]), "html"), output)
        return
    from graphlint.reports.drawing import dot, mermaid
    from graphlint.reports.html.svg import svg

    draw = {"dot": dot, "mermaid": mermaid, "svg": svg}[format_]
    write(draw(checked.graph, checked.findings, depth=depth, only_findings=only_findings), output)
