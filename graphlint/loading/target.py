"""Which Keras release a model should load on."""

from __future__ import annotations

from importlib import metadata

from graphlint.errors import GraphlintError
from graphlint.loading.releases import RELEASES, release_index

KERAS_3 = RELEASES.index("3.0")


def target_release(named: str) -> int:
    """The index in `RELEASES` of a named release; where none is named, of the installed Keras, else of the newest.

    The installed Keras is not imported.

    Raises:
        GraphlintError: the tables do not reach that release.

    >>> RELEASES[target_release("3.9.2")]
    '3.9'
    """
    version = named or _installed()
    index = release_index(version) if version else len(RELEASES) - 1
    if index is None:
        raise GraphlintError(
            f"expected a Keras release from {RELEASES[0]} to {RELEASES[-1]}, got target-keras {version!r}"
        )
    return index


def _installed() -> str | None:
    try:
        return metadata.version("keras")
    except metadata.PackageNotFoundError:
        return None
