"""Which two files are compared: the two that were named, or those of two directories that have the same path there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphlint.cli.targets import Kind, find_targets, is_folder
from graphlint.errors import GraphlintError
from graphlint.sources.layout import is_model_directory

_EMPTY = os.devnull
"""What git passes for a file that is not there."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models to compare, or why there are none. ``of_many`` says that it is one of the pairs of two directories."""

    old: str
    new: str
    old_name: str
    new_name: str
    note: str | None = None
    of_many: bool = False


def pairs_of(old: str, new: str) -> Iterator[Pair]:
    """The pairs that two arguments name.

    Raises:
        GraphlintError: a directory and a file, or directories without models.
    """
    folders = [_is_collection(text) for text in (old, new)]
    if folders[0] != folders[1]:
        folder, file = (old, new) if folders[0] else (new, old)
        raise GraphlintError(f"expected two models or two directories, got the directory {folder!r} and {file!r}")
    if folders[0]:
        yield from _paired(Path(old), Path(new))
        return
    if _EMPTY in (old, new):
        there = new if old == _EMPTY else old
        note = f"{there}: only in the {'new' if old == _EMPTY else 'old'} one"
        yield Pair(old, new, old, new, note)
        return
    yield Pair(old, new, _shown(old), _shown(new))


def _is_collection(text: str) -> bool:
    path = Path(text)
    if not is_folder(path):
        return False
    return not (is_model_directory(path) or (path / "saved_model.pb").is_file())


def _paired(old: Path, new: Path) -> Iterator[Pair]:
    ours, theirs = _files(old), _files(new)
    if not ours and not theirs:
        raise GraphlintError(f"no models in {str(old)!r} and {str(new)!r}: name two files")
    for name in sorted(ours | theirs):
        if name in ours and name in theirs:
            names = (old / name).as_posix(), (new / name).as_posix()
            yield Pair(str(old / name), str(new / name), *names, of_many=True)
        else:
            side = "old" if name in ours else "new"
            yield Pair("", "", name, name, f"{name}: only in the {side} directory")


def _files(folder: Path) -> set[str]:
    found = find_targets([str(folder)], lambda path: None, force_exclude=False)
    return {one.path.relative_to(folder).as_posix() for one in found.targets if one.kind is Kind.FILE}


def _shown(text: str) -> str:
    return Path(text).as_posix() if os.path.lexists(text) else text
