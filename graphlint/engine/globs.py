"""Globs over slash-separated paths: of layers, and of files below a configuration."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path


@cache
def compile_glob(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression for the whole path.

    ``*`` and ``?`` match within one part, ``**`` as a whole part matches any number of parts (at the end: at least
    one), ``[ab]`` and ``[!ab]`` match one character.

    >>> bool(compile_glob("backbone/**").fullmatch("backbone/block/conv"))
    True
    >>> bool(compile_glob("backbone/*").fullmatch("backbone/block/conv"))
    False
    """
    parts = pattern.split("/")
    found = []
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            found.append(".+" if last else "(?:[^/]+/)*")
        else:
            found.append(_part(part) + ("" if last else "/"))
    return re.compile("".join(found), re.DOTALL)


def _part(text: str) -> str:
    found, position = [], 0
    while position < len(text):
        character = text[position]
        end = text.find("]", position + 2) if character == "[" else -1
        if character == "*":
            found.append("[^/]*")
        elif character == "?":
            found.append("[^/]")
        elif end > 0:
            inside = text[position + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            found.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
            position = end
        else:
            found.append(re.escape(character))
        position += 1
    return "".join(found)


def matches(pattern: str, path: str) -> bool:
    """Whether a glob matches a whole path."""
    return compile_glob(pattern).fullmatch(path) is not None


def matches_file(pattern: str, path: Path, root: Path) -> bool:
    """Whether a glob matches a file or one of the directories it lies in.

    A pattern with a slash is relative to ``root``; one without matches a name at any depth.
    """
    absolute = Path(path).absolute()
    try:
        relative = absolute.relative_to(root.absolute()).as_posix()
    except ValueError:
        relative = absolute.as_posix()
    parts = relative.strip("/").split("/")
    if "/" not in pattern.rstrip("/"):
        return any(matches(pattern.rstrip("/"), part) for part in parts)
    wanted = pattern.strip("/").removeprefix("./").replace("://", ":/")
    return any(matches(wanted, "/".join(parts[: number + 1])) for number in range(len(parts)))
