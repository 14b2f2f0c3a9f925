"""The tables of released Keras as text files: one line for each name, and one for each argument that it takes.

``Dense(lora_alpha) 3.10-`` says since when, ``GRU(implementation) -2.15,3.4-`` that two releases between did not;
without releases, a name is in all of them, and an argument in all that have its class. ``(**Layer)`` means that
whatever ``Layer`` takes is taken too, ``(**kwargs)`` that anything is. `graphlint.knowledge.generate` writes them.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

KINDS = (
    "activations",
    "constraints",
    "dtype_policies",
    "functions",
    "initializers",
    "layer_functions",
    "layers",
    "losses",
    "metrics",
    "modules",
    "operations",
    "optimizers",
    "quantizations",
    "reductions",
    "regularizers",
)
"""What there is a table of."""

ANYTHING = "**kwargs"
"""Stands among the arguments of a class that takes any, and ignores those that it does not know."""
BASE = "**Layer"
"""Stands among the arguments of a class that takes whatever ``Layer`` takes."""

Facts = dict[str, dict[str, frozenset[str]]]
"""What one release has: the names of each kind, with their arguments."""


Defaults = dict[str, dict[str, Any]]
"""The defaults of the arguments of each class, by its kind and name: ``layers.Dense``."""


class Row(NamedTuple):
    """A name and its arguments, each with the releases that have it: bit 0 is the oldest."""

    releases: int
    arguments: dict[str, int]


@cache
def read_columns() -> dict[str, str]:
    """The releases that the tables cover, oldest first, with the version of each that was read."""
    return parse_columns(_text("releases"))


@cache
def read_table(kind: str) -> dict[str, Row]:
    """All names of a kind, from the packaged file."""
    return parse_table(_text(kind), tuple(read_columns()))


@cache
def read_defaults() -> Defaults:
    """The defaults in the newest release, from the packaged file."""
    return parse_defaults(_text("defaults"))


def parse_defaults(text: str) -> Defaults:
    """Defaults from their text: one line for each argument, the value as JSON.

    >>> parse_defaults('layers.Dense(use_bias) true\\n')
    {'layers.Dense': {'use_bias': True}}
    """
    found: Defaults = {}
    for line in text.splitlines():
        head, _, value = line.partition(" ")
        name, _, argument = head.partition("(")
        found.setdefault(name, {})[argument[:-1]] = json.loads(value)
    return found


def render_defaults(defaults: Defaults) -> str:
    """The text of defaults; `parse_defaults` reads it back."""
    return "".join(
        f"{name}({argument}) {json.dumps(value)}\n"
        for name, values in sorted(defaults.items())
        for argument, value in sorted(values.items())
    )


def parse_columns(text: str) -> dict[str, str]:
    """The releases of the tables and the versions that were read, from their file.

    >>> parse_columns("3.0 3.0.5\\n3.1 3.1.1\\n")
    {'3.0': '3.0.5', '3.1': '3.1.1'}
    """
    return dict(line.split() for line in text.splitlines())


def parse_table(text: str, releases: tuple[str, ...]) -> dict[str, Row]:
    """A table from its text.

    >>> parse_table("Dense\\nDense(lora) 3.1-\\n", ("3.0", "3.1", "3.2"))
    {'Dense': Row(releases=7, arguments={'lora': 6})}
    """
    table: dict[str, Row] = {}
    masks = {"": (1 << len(releases)) - 1}
    row = Row(0, {})
    for line in text.splitlines():
        head, _, spans = line.partition(" ")
        mask = masks.get(spans)
        if mask is None:
            mask = masks[spans] = _mask(spans, releases)
        name, bracket, argument = head.partition("(")
        if bracket:
            row.arguments[argument[:-1]] = mask & row.releases
        else:
            table[name] = row = Row(mask, {})
    return table


def render_table(columns: Mapping[str, Mapping[str, frozenset[str]]]) -> str:
    """The text of a table from what each release has, oldest first; `parse_table` reads it back.

    >>> release = {"Dense": frozenset({"units"})}
    >>> render_table({"3.0": release, "3.1": release | {"Dot": frozenset()}})
    'Dense\\nDense(units)\\nDot 3.1-\\n'
    """
    releases = tuple(columns)
    lines = []
    for name in sorted({name for column in columns.values() for name in column}):
        having = [release for release in releases if name in columns[release]]
        lines.append((name, _spans(having, releases)))
        for argument in sorted({argument for release in having for argument in columns[release][name]}):
            taking = [release for release in having if argument in columns[release][name]]
            lines.append((f"{name}({argument})", _spans(taking, having)))
    return "".join(f"{head} {spans}\n" if spans else f"{head}\n" for head, spans in lines)


def column_of(table: Mapping[str, Row], index: int) -> dict[str, frozenset[str]]:
    """What one release of a table has, by its place among the releases."""
    bit = 1 << index
    return {
        name: frozenset(argument for argument, mask in row.arguments.items() if mask & bit)
        for name, row in table.items()
        if row.releases & bit
    }


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The first and last place of each unbroken run of releases.

    >>> list(runs(0b11001))
    [(0, 0), (3, 4)]
    """
    place = 0
    while mask:
        gap = (mask & -mask).bit_length() - 1
        mask >>= gap
        length = (mask ^ (mask + 1)).bit_length() - 1
        yield place + gap, place + gap + length - 1
        mask >>= length
        place += gap + length


def _mask(spans: str, releases: tuple[str, ...]) -> int:
    mask = 0
    for span in spans.split(","):
        first, dash, last = span.partition("-")
        start = releases.index(first) if first else 0
        stop = releases.index(last) if last else len(releases) - 1 if dash else start
        mask |= (1 << (stop + 1)) - (1 << start)
    return mask


def _spans(having: list[str], among: tuple[str, ...] | list[str]) -> str:
    """Some of the releases as text; a run that ends with the last of them stays open, for those to come."""
    mask = sum(1 << among.index(release) for release in having)
    parts = []
    for first, last in runs(mask):
        start = "" if first == 0 and last < len(among) - 1 else among[first]
        stop = "" if last == len(among) - 1 else among[last]
        if first == 0 and not stop:
            return ""
        parts.append(among[first] if first == last and stop and start else f"{start}-{stop}")
    return ",".join(parts)


def _text(name: str) -> str:
    data = pkgutil.get_data("graphlint.knowledge", f"tables/{name}.txt")
    assert data is not None
    return data.decode()
