"""Rows of words in text files: one name a line, then what holds of it."""

from __future__ import annotations

import pkgutil
from dataclasses import fields
from functools import cache
from typing import Any


@cache
def read(table: str) -> dict[str, str]:
    """The rows of ``TABLE.txt`` beside this module: each name with its words.

    ``A = B`` gives ``A`` the row of ``B``. Empty lines and lines that begin with ``#`` are left out.

    >>> read("layers")["Flatten"].split()
    ['reshaping', 'weightless', 'same_numbers', 'linear', 'data_format']
    """
    data = pkgutil.get_data(__name__, f"{table}.txt")
    assert data is not None
    rows, same = {}, {}
    for line in data.decode().splitlines():
        if line and not line.startswith("#"):
            name, _, words = line.partition(" ")
            words = words.strip()
            if words.startswith("= "):
                same[name] = words[2:]
            else:
                rows[name] = words
    for name, other in same.items():
        rows[name] = rows[other]
    return rows


@cache
def aliases(table: str) -> dict[str, str]:
    """The second names of a table with the names that they stand for.

    >>> aliases("layers")["Convolution2D"]
    'Conv2D'
    """
    data = pkgutil.get_data(__name__, f"{table}.txt")
    assert data is not None
    pairs = (line.split(" = ") for line in data.decode().splitlines() if " = " in line and not line.startswith("#"))
    return dict(pairs)


def arguments(cls: type, words: list[str]) -> dict[str, Any]:
    """The words of a row as arguments of a dataclass: ``word`` is True, ``word=1,2`` what comes after, by its type.

    Raises:
        ValueError: a word that the class has no field for.
    """
    types = {field.name: str(field.type) for field in fields(cls)}
    found: dict[str, Any] = {}
    for word in words:
        name, given, text = word.partition("=")
        kind = types.get(name)
        if kind is None:
            raise ValueError(f"{word!r} is no field of {cls.__name__}: {', '.join(types)}")
        if not given:
            found[name] = True
        elif kind.startswith("tuple"):
            found[name] = tuple(text.split(","))
        elif kind.startswith("int"):
            found[name] = int(text)
        else:
            found[name] = text
    return found
