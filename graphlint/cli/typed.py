"""Whether an argument is what somebody typed, or comes from the name of a file.

A shell expands ``*`` to names, and ``xargs`` and ``$(...)`` split names at white space, so that a file called
``--config=x`` becomes an option and one called ``a net:build b.keras`` a Python function to call. Whoever can put a
file into a folder would then decide what runs. What follows ``--`` is always a path.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from graphlint.sources.importing import is_target

END_OF_OPTIONS = "--"
STDIN = "-"
_LITERAL = "graphlint.literal"
_NAMES = 200_000
"""How many names are looked at for one that contains an argument."""


def require_no_file_options(arguments: Sequence[str]) -> None:
    """Refuse an option that is also the name of a file: most likely the shell made it of ``*``.

    Raises:
        click.UsageError: there is one.
    """
    for argument in arguments:
        if argument == END_OF_OPTIONS:
            return
        if argument.startswith("-") and argument != STDIN and os.path.lexists(argument):
            raise click.UsageError(
                f"{argument!r} is an option, but a file here has that name: write -- before the names of files, or "
                f"./{argument} for this one; to give the option, rename the file"
            )


class CommandOnPaths(click.Command):
    """A command that knows how many of its arguments come after ``--``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_LITERAL] = len(args) - args.index(END_OF_OPTIONS) - 1 if END_OF_OPTIONS in args else 0
        return super().parse_args(ctx, args)


def literal(context: click.Context, paths: Sequence[str]) -> frozenset[int]:
    """The places of the arguments after ``--``, which are paths whatever they look like."""
    return frozenset(range(len(paths) - context.meta.get(_LITERAL, 0), len(paths)))


def doubt(target: str, paths: Iterable[str]) -> str | None:
    """Why ``target``, which looks like MODULE:ATTRIBUTE, may be a piece of a file's name; None if it is not.

    ``paths`` are all arguments of the command.
    """
    folders = [Path()]
    for path in paths:
        if path == STDIN or (not os.path.lexists(path) and is_target(path)):
            continue
        if not os.path.lexists(path):
            return f"{path!r} beside it does not exist"
        folders.append(Path(path).parent)
    if _is_run_by_xargs():
        return "xargs wrote it"
    seen = 0
    for place, folder in enumerate(dict.fromkeys(folders)):
        for name in _names(folder, deep=place == 0):
            if target in name:
                return f"it is a part of the file name {name!r}"
            seen += 1
            if seen > _NAMES and not sys.stdin.isatty():
                return f"there are more than {_NAMES:,} files here that it may be a part of"
            if seen > _NAMES:
                return None
    return None


def _names(root: Path, *, deep: bool) -> Iterable[str]:
    for _, folders, files in os.walk(root):
        yield from folders
        yield from files
        if not deep:
            return


def _is_run_by_xargs() -> bool:
    """Whether the process that started this one splits what it reads into arguments (known on Linux)."""
    try:
        return Path(f"/proc/{os.getppid()}/comm").read_text().strip() == "xargs"
    except (OSError, UnicodeDecodeError):
        return False
