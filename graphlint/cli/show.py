"""``graphlint show``."""

from __future__ import annotations

from pathlib import Path

import click

from graphlint.engine.collection import collection_paused


@click.command("show")
@click.argument("model", metavar="MODEL|MODULE:ATTRIBUTE")
@click.option("--no-weights", is_flag=True, help="Leave out the hashes of the numbers, so that none is read.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="List bodies of nested models down to this depth.")
@click.option("--for-git", is_flag=True, hidden=True, help="Say of what cannot be read why, and exit with 0.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def command(model: str, no_weights: bool, depth: int | None, for_git: bool, output: Path | None) -> None:
    """Print a model as text that is the same whenever the same model is saved: signature, calls, compilation,
    variables.

    Each call is one line: its name, class and arguments that differ from their defaults, what it receives if that is
    not the line above, shape, parameters. A name that Keras made has its number counted from the beginning. Each
    variable has a hash of its numbers. The first line says which Keras saved the model.
    """
    from graphlint.cli.models import graph_of
    from graphlint.cli.output import write
    from graphlint.comparison.showing import show
    from graphlint.errors import GraphlintError

    try:
        with collection_paused():
            text = show(graph_of(model), weights=not no_weights, depth=depth)
    except GraphlintError as error:
        if not for_git:
            raise
        text = unreadable_text(model, str(error))  # Git ends at a conversion that fails.
    write(text, output)


def unreadable_text(model: str, reason: str) -> str:
    """What stands for a file that cannot be read: the same text wherever git put the file, with all that a pointer of
    git-lfs says."""
    from graphlint.errors import quoted
    from graphlint.reports.safe import in_line

    path = Path(model)
    with path.open("rb") as file:
        head = file.read(1024)
    text = reason.replace(quoted(model), "this").replace(quoted(path.name), "this")
    lines = [f"not a model that can be read: {in_line(text)}"]
    if head.startswith(b"version https://git-lfs"):
        lines += [in_line(line) for line in head.decode("utf-8", "replace").splitlines()]
    return "\n".join(lines)
