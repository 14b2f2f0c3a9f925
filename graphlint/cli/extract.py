"""``graphlint extract``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("extract")
@click.argument("model", metavar="FILE|MODULE:ATTRIBUTE")
@click.option(
    "--inputs", multiple=True, metavar="ADDRESS", help="A tensor to start from; repeatable.  [default: the inputs]"
)
@click.option("--outputs", multiple=True, required=True, metavar="ADDRESS", help="A tensor to end at; repeatable.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write (.keras)."
)
@click.option("--force", is_flag=True, help="Overwrite OUTPUT.")
@click.option("--import", "modules", multiple=True, metavar="MODULE", help="Import a module that registers classes.")
def command(
    model: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    output: Path,
    force: bool,
    modules: tuple[str, ...],
) -> None:
    """Extract the part of a model between some tensors.

    The model is loaded with Keras's safe mode on.
    """
    from graphlint.cli.quiet import quiet
    from graphlint.extras import require_keras

    with quiet():
        require_keras("graphlint extract")
    from graphlint.cli.obtaining import obtained
    from graphlint.errors import WriteError
    from graphlint.fixes.writing import require_free, write_new
    from graphlint.replay.extract import extract
    from graphlint.reports.safe import in_line

    if output.suffix != ".keras":
        raise WriteError(f"expected an output file name ending in .keras, got {output}")
    require_free(output, force=force)
    part = extract(obtained(model, modules), list(inputs) or None, list(outputs))
    write_new(output, part.save, force=force)
    received = ", ".join(tensor.name for tensor in part.inputs)
    click.echo(in_line(f"{output}: {part.count_params():,} parameters, takes {received}"))
