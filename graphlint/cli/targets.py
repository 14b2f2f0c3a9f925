"""From the arguments of the command line to the models to check."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from itertools import chain
from pathlib import Path

from graphlint.cli.ignored import GitIgnore
from graphlint.cli.typed import STDIN, doubt
from graphlint.errors import UnreadableError
from graphlint.sources.importing import is_target
from graphlint.sources.layout import is_model_directory
from graphlint.sources.urls import is_url

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")
"""Endings that a search of a directory takes for models; any other file has to be named."""

_SAVED_MODEL = "saved_model.pb"
_KERAS_METADATA = "keras_metadata.pb"
_ENVIRONMENT = "pyvenv.cfg"
_IGNORED = "ignored by git"


class Kind(StrEnum):
    """How a target is obtained."""

    FILE = "file"
    STDIN = "stdin"
    IMPORT = "import"
    URL = "url"
    EXCLUDED = "excluded"
    DOUBTED = "doubted"
    """It looks like MODULE:ATTRIBUTE, but may be a piece of a file's name."""


@dataclass(frozen=True, slots=True)
class Target:
    """One model to check, or to skip. ``text`` is what the report calls it."""

    kind: Kind
    text: str
    path: Path
    _: KW_ONLY
    reason: str = ""
    searched: bool = False
    """Whether a search found it, and nobody named it."""
    url: str = ""


@dataclass(slots=True)
class Found:
    """What was found: targets in order, paths with nothing to check, and what was skipped, with the reason.

    ``unreadable`` are folders that could not be searched, ``not_followed`` symbolic links to folders outside the
    search, ``passed_over`` what a search skips by custom, ``ignored`` models that git ignores.
    """

    targets: list[Target] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    not_followed: list[str] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; False for one in a folder that may not be entered."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_model(folder: Path) -> bool:
    """Whether a folder is one model: a SavedModel, or the unpacked files of a `.keras` file."""
    try:
        saved_model = (folder / _SAVED_MODEL).is_file() or (folder / _KERAS_METADATA).is_file()
        return saved_model or is_model_directory(folder)
    except OSError:
        return False


def find_targets(
    paths: Sequence[str],
    excluded: Callable[[Path], str | None],
    force_exclude: bool,
    *,
    literal: Container[int] = (),
    modules: Iterable[str] = (),
    respect_gitignore: bool = False,
    listed: Iterable[str] = (),
) -> Found:
    """The models that the paths name. ``excluded`` says why a file is skipped.

    An excluded path that is named is skipped only with ``force_exclude``, as in other linters; one that is found always
    is. Those at the places ``literal`` are files or folders, and nothing else; ``modules`` are
    MODULE:ATTRIBUTE for sure; ``listed`` are files, folders and URLs from a list, and never that.
    """
    found = Found()
    seen: set[str] = set()
    modules = list(modules)
    from_list = len(paths) + len(modules)
    for place, text in enumerate(chain(paths, modules, listed)):
        path = Path(text)
        if len(paths) <= place < from_list:
            batch = [Target(Kind.IMPORT, text, path)]
        elif text == STDIN and place < from_list and place not in literal:
            batch = [Target(Kind.STDIN, "<stdin>", path)]
        elif place not in literal and is_url(text) and not os.path.lexists(text):
            batch = list(_at(text, found))
        elif is_folder(path) and not is_model(path):
            unreadable = len(found.unreadable)
            batch = list(_search(path, excluded, found, respect_gitignore))
            if not batch and len(found.unreadable) == unreadable:
                found.empty.append(path.as_posix())
        elif place < from_list and not os.path.lexists(path) and is_target(text) and place not in literal:
            batch = [_import(text, path, paths)]
        else:
            reason = excluded(path) if force_exclude else None
            batch = [_target(path, reason)]
        for target in batch:
            named = (Kind.STDIN, Kind.IMPORT, Kind.DOUBTED)
            key = target.url or (target.text if target.kind in named else str(target.path.absolute()))
            if key not in seen:
                seen.add(key)
                found.targets.append(target)
    return found


def _import(text: str, path: Path, paths: Iterable[str]) -> Target:
    why = doubt(text, paths)
    if why is None:
        return Target(Kind.IMPORT, text, path)
    hint = f"to import a module and check what it builds, write --model {text}"
    return Target(Kind.DOUBTED, text, path, reason=f"no such file, and not imported, as {why}: {hint}")


def _at(url: str, found: Found) -> Iterator[Target]:
    """The models at a URL, which may be a pattern or a folder."""
    from graphlint.sources.remote import expanded
    from graphlint.sources.urls import shown

    try:
        urls = expanded(url, MODEL_SUFFIXES)
    except UnreadableError as error:
        found.unreadable.append((shown(url), str(error)))
        return
    if not urls:
        found.empty.append(shown(url))
    for one in urls:
        yield Target(Kind.URL, shown(one), Path(shown(one)), url=one)


def _target(path: Path, reason: str | None, *, searched: bool = False) -> Target:
    kind = Kind.FILE if reason is None else Kind.EXCLUDED
    return Target(kind, path.as_posix(), path, reason=reason or "", searched=searched)


def _search(
    root: Path, excluded: Callable[[Path], str | None], found: Found, respect_gitignore: bool
) -> Iterator[Target]:
    def unreadable(error: OSError) -> None:
        folder = Path(error.filename)
        reason = excluded(folder) if folder != root else None
        if reason is None:
            found.unreadable.append((folder.as_posix(), error.strerror or "cannot be read"))
        else:
            found.passed_over.append((folder.as_posix(), reason))

    real_root = Path(os.path.realpath(root))
    git = GitIgnore(root) if respect_gitignore else None
    for folder, folders, files in os.walk(root, onerror=unreadable):
        here = Path(folder)
        if here != root and _ENVIRONMENT in files:
            folders.clear()
            found.passed_over.append((here.as_posix(), "a virtual environment"))
            continue
        if here != root and (_KERAS_METADATA in files or is_model_directory(here)):
            folders.clear()
            yield _target(here, excluded(here))
            continue
        hidden = [name for name in folders if name.startswith(".") or name == "__pycache__"]
        found.passed_over += [((here / name).as_posix(), "hidden") for name in sorted(hidden) if name != "__pycache__"]
        folders[:] = sorted(name for name in folders if name not in hidden)
        if git is not None and git.active:
            left_out = [name for name in folders if git.folder(here / name)]
            folders[:] = [name for name in folders if name not in left_out]
            for name in left_out:
                found.passed_over.append(((here / name).as_posix(), _IGNORED))
                model = git.first_model(here / name, MODEL_SUFFIXES)
                if model is not None:
                    found.ignored.append(model)
        for name in folders:
            link = here / name
            if link.is_symlink() and excluded(link) is None and not _inside(link, real_root):
                found.not_followed.append(link.as_posix())
        for name in sorted(files):
            if name.lower().endswith(MODEL_SUFFIXES) and not name.startswith("."):
                path = here / name
                if git is not None and git.file(path):
                    found.passed_over.append((path.as_posix(), _IGNORED))
                    found.ignored.append(path.as_posix())
                else:
                    yield _target(path, excluded(path), searched=True)


def _inside(link: Path, root: Path) -> bool:
    """Whether what a link leads to is searched anyway."""
    real = Path(os.path.realpath(link))
    return real == root or root in real.parents
