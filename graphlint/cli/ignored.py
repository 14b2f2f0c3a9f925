"""What git ignores below a folder that is searched, and what of it may be models all the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_NAME = ".gitignore"
_LARGEST = 1 << 16
"""Bytes of a file of patterns; what is longer is nobody's own list."""
_MOST_STARS = 3
"""Wildcards in one pattern. Matching takes time to the power of their number, and the file may be anybody's; a pattern
with more ignores nothing, so that more is checked, not less."""
_INSIDE = "ps_d"
"""How the library calls the slash after a folder that a pattern matches."""
_LOOKED_AT = 2000
"""Entries of ignored folders among which models are sought."""


class GitIgnore:
    """The patterns that hold below ``root``: of the work tree that it is in, of its subfolders, and the user's own.

    Outside a work tree nothing is ignored. A root that is itself ignored was named, so what ignores it does not count.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - as it was named, links and all
        self._looked_at = 0
        self._specs: dict[Path, GitIgnoreSpec | None] = {}
        tree = next((one for one in (self._root, *self._root.parents) if os.path.lexists(one / ".git")), None)
        self.active = tree is not None
        self._above: list[tuple[Path, GitIgnoreSpec]] = []
        if tree is None:
            return
        folders = [one for one in self._root.parents if one == tree or tree in one.parents]
        sources = [(tree, _users_own()), (tree, tree / ".git" / "info" / "exclude")]
        sources += [(one, one / _NAME) for one in reversed(folders)]
        self._above = [(base, spec) for base, file in sources if (spec := self._read(file)) is not None]
        if any(self._ignored(one, self._above, folder=True) for one in (self._root, *folders) if one != tree):
            self._above = []

    def folder(self, path: Path) -> bool:
        """Whether a subfolder is ignored."""
        return self.active and self._ignored(self._absolute(path), folder=True)

    def file(self, path: Path) -> bool:
        """Whether a file is ignored, in a folder that is not."""
        return self.active and self._ignored(self._absolute(path), folder=False)

    def first_model(self, folder: Path, suffixes: tuple[str, ...]) -> str | None:
        """A file in an ignored folder that may be a model; None if there is none among the first that are there."""
        for here, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            for name in sorted(files):
                self._looked_at += 1
                if self._looked_at > _LOOKED_AT:
                    return None
                if name.lower().endswith(suffixes) and not name.startswith("."):
                    return (Path(here) / name).as_posix()
            self._looked_at += len(folders)
        return None

    def _absolute(self, path: Path) -> Path:
        return Path(os.path.abspath(path))  # noqa: PTH100 - likewise

    def _ignored(self, path: Path, specs: Iterable[tuple[Path, GitIgnoreSpec]] | None = None, *, folder: bool) -> bool:
        """The last pattern that matches decides, and those of deeper folders come last."""
        for base, spec in reversed([*self._all(path)] if specs is None else [*specs]):
            if base == path or base not in path.parents:
                continue
            found = _decided(spec, path.relative_to(base).as_posix() + ("/" if folder else ""))
            if found is not None:
                return found
        return False

    def _all(self, path: Path) -> Iterator[tuple[Path, GitIgnoreSpec]]:
        yield from self._above
        for base in reversed([one for one in path.parents if one == self._root or self._root in one.parents]):
            spec = self._read(base / _NAME)
            if spec is not None:
                yield base, spec

    def _read(self, file: Path) -> GitIgnoreSpec | None:
        if file not in self._specs:
            self._specs[file] = _read(file)
        return self._specs[file]


def _decided(spec: GitIgnoreSpec, text: str) -> bool | None:
    """What the last pattern says that matches this path itself, and not a folder above it, which was asked before."""
    for pattern in reversed(list(spec.patterns)):
        regex, include = getattr(pattern, "regex", None), pattern.include
        match = None if regex is None or include is None else regex.match(text)
        if match is not None and (match.groupdict().get(_INSIDE) is None or match.end(_INSIDE) == len(text)):
            return include
    return None


def _users_own() -> Path:
    """Where git looks for patterns of the user, unless its configuration says otherwise."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore"


def _read(file: Path) -> GitIgnoreSpec | None:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except (OSError, RuntimeError):
        return None
    return _parsed(lines)


def _parsed(lines: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    kept = []
    for line in lines:
        line = line.removesuffix("\r")
        if line.endswith("/**"):  # All that is inside, but not the folder itself, which the library takes it for.
            line += "/*"
        if line.count("*") - line.count("**") > _MOST_STARS:
            continue
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error):  # As git, which takes what it cannot parse for a pattern that matches nothing.
            continue
        kept.append(line)
    return GitIgnoreSpec.from_lines(kept)
