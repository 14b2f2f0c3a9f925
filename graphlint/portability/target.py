"""Which Keras release a model should load on."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

from graphlint.errors import GraphlintError
from graphlint.knowledge.loading import KERAS_3
from graphlint.knowledge.releases import RELEASES, release_index

_RELEASE = re.compile(r"\d+\.\d+(\.\w+)*")


def named_release(version: str) -> int:
    """The index in `RELEASES` of the release with a given name.

    Raises:
        GraphlintError: if the tables do not know it.

    >>> RELEASES[named_release("3.9.2")]
    '3.9'
    """
    index = release_index(version) if _RELEASE.fullmatch(version) else None
    if index is None or version.split(".")[:2] != RELEASES[index].split("."):
        known = f"{RELEASES[0]} to {RELEASES[KERAS_3 - 1]} or {RELEASES[KERAS_3]} to {RELEASES[-1]}"
        raise GraphlintError(f"target-keras: expected a Keras release, {known}, got {version!r}")
    return index


def target_release(named: str) -> int:
    """The index in `RELEASES` of a named release; if none is named, of the installed Keras, else of the newest.

    The installed Keras is not imported. A release that the tables do not know is treated as the closest one that they
    do.

    Raises:
        GraphlintError: if the tables do not know the named release.
    """
    if named:
        return named_release(named)
    version = _installed()
    return len(RELEASES) - 1 if version is None else release_index(version) or 0


@cache
def _installed() -> str | None:
    try:
        return metadata.version("keras")
    except metadata.PackageNotFoundError:
        return None
