"""Which models a run is about: lists of names, and its part of a run that several machines share."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphlint.cli.targets import Target

_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class Shard(NamedTuple):
    """One of several parts of a run, counted from 1."""

    number: int
    of: int

    def has(self, target: Target) -> bool:
        """Whether a model is in this part: by its name alone, so that it stays there whatever others there are."""
        name = (target.url or target.text).encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard(context: click.Context, parameter: click.Parameter, value: str | None) -> Shard | None:
    """The part that the command line names."""
    if value is None:
        return None
    match = _SHARD.fullmatch(value)
    found = Shard(int(match[1]), int(match[2])) if match else None
    if found is None or not 1 <= found.number <= found.of:
        raise click.BadParameter(f"expected NUMBER/OF, such as 3/64, counted from 1, got {value!r}")
    return found


def names_in(name: str) -> Iterator[str]:
    """The names in a file, one on each line, or with a null character after each, as ``find -print0`` writes them.

    Raises:
        click.UsageError: it cannot be read.
    """
    if name == "-":
        yield from _names(sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as file:
            yield from _names(file)
    except OSError as error:
        raise click.UsageError(f"--files-from {name!r} cannot be read: {error.strerror or error}") from error


def _names(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        for part in line.removesuffix(b"\n").removesuffix(b"\r").split(b"\0"):
            if part:
                yield part.decode("utf-8", "surrogateescape")
