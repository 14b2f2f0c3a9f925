"""The releases of Keras with which graphlint looks at models in memory. Files are read without Keras."""

OLDEST = (3, 3)
"""Oldest release: without what it has, and 3.2 has not, a model cannot be taken apart."""
NEWEST = (3, 15)
"""Newest release that graphlint is tested with; newer ones are used if they pass `keras_internals.self_test`."""


def text(release: tuple[int, ...]) -> str:
    """A release as it is written.

    >>> text((3, 3))
    '3.3'
    """
    return ".".join(map(str, release))
