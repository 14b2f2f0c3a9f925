"""``graphlint split``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("split")
@click.argument("model", metavar="FILE|MODULE:ATTRIBUTE")
@click.option("--at", multiple=True, required=True, metavar="ADDRESS", help="A tensor to cut at; repeatable.")
@click.option("--complete", is_flag=True, help="Add the tensors that bypass the cut.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Directory to write to."
)
@click.option("--force", is_flag=True, help="Overwrite head.keras and tail.keras.")
@click.option("--import", "modules", multiple=True, metavar="MODULE", help="Import a module that registers classes.")
def command(
    model: str, at: tuple[str, ...], complete: bool, output: Path, force: bool, modules: tuple[str, ...]
) -> None:
    """Split the model in a file into DIR/head.keras and DIR/tail.keras, so that tail(head(x)) equals model(x).

    The model is loaded with Keras's safe mode on, and the halves are compared with it before they are written.
    """
    from graphlint.cli.quiet import quiet
    from graphlint.extras import require_keras

    with quiet():
        require_keras("graphlint split")
    from graphlint.cli.obtaining import obtained
    from graphlint.errors import Unequal, WriteError
    from graphlint.fixes.writing import require_free, write_new
    from graphlint.replay.split import split
    from graphlint.replay.verify import verify
    from graphlint.reports.safe import in_line

    targets = [output / "head.keras", output / "tail.keras"]
    for target in targets:
        require_free(target, force=force)
    whole = obtained(model, modules)
    parts = split(whole, list(at), complete=complete)
    proof = verify(whole, parts)
    if not proof.close:
        raise Unequal(f"the halves do not compute what {model} computes, so nothing was written: {proof.summary}")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write {output}: {error.strerror or error}") from error
    new = [target for target in targets if not target.exists()]
    try:
        for target, part in zip(targets, parts, strict=True):
            write_new(target, part.save, force=force)
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise
    for target, part in zip(targets, parts, strict=True):
        received = ", ".join(tensor.name for tensor in part.inputs)
        click.echo(in_line(f"{target}: {part.count_params():,} parameters, takes {received}"))
    click.echo(proof.summary, err=True)
