"""The address grammar: ``path/to/layer#call:output`` and ``path/to/layer@slot``.

Path parts are layer names below the root model, then attribute names below a layer that is not a model. Names may
contain any character, so the five that have a meaning in the grammar are percent-escaped inside a part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphlint.errors import AddressError

ROOT = "."
"""The path of the root model itself, whose name is not part of any address."""
MODEL_END = ":"
"""Ends the name of a model in the addresses of a graph of several: ``gan:generator/dense``."""

_RESERVED = {"%": "%25", "#": "%23", ":": "%3A", "@": "%40", "/": "%2F"}
_ESCAPE = re.compile(r"[%#:@/]")
_UNESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


def escape(name: str) -> str:
    """Escape a layer, attribute or slot name for use as one part of an address.

    >>> escape("block/conv:1")
    'block%2Fconv%3A1'
    """
    if name == ROOT:
        return "%2E"
    return _ESCAPE.sub(lambda match: _RESERVED[match.group()], name)


def unescape(part: str) -> str:
    """Undo `escape`.

    >>> unescape("block%2Fconv%3A1")
    'block/conv:1'
    """
    return _UNESCAPE.sub(lambda match: chr(int(match.group(1), 16)), part)


def join(prefix: str, name: str) -> str:
    """The path of ``name`` below ``prefix``; the root adds nothing.

    >>> join(".", "encoder"), join("encoder", "a/b"), join("gan:", "encoder")
    ('encoder', 'encoder/a%2Fb', 'gan:encoder')
    """
    return f"{inside(prefix)}{escape(name)}"


def inside(path: str) -> str:
    """What the paths, or ids, of whatever lies inside a layer or scope begin with.

    >>> inside("."), inside("encoder"), inside("gan:")
    ('', 'encoder/', 'gan:')
    """
    return "" if path in ("", ROOT) else path if path.endswith(MODEL_END) else f"{path}/"


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other one or inside it, or the other way round.

    >>> overlap("encoder/dense", "encoder"), overlap("encoder", "encoder_2"), overlap(".", "encoder")
    (True, False, True)
    """
    return one == other or one.startswith(inside(other)) or other.startswith(inside(one))


@dataclass(frozen=True, slots=True)
class Part:
    """One step of an address: an unescaped name and, if given, a call index."""

    name: str
    call: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address. ``output`` and ``slot`` exclude each other."""

    parts: tuple[Part, ...]
    output: int | None = None
    slot: str | None = None


def parse(text: str) -> Address:
    """Parse an address.

    Raises:
        AddressError: the text is not a string, is empty, or does not follow the grammar.

    >>> parse("encoder#1/dense:0")
    Address(parts=(Part(name='encoder', call=1), Part(name='dense', call=None)), output=0, slot=None)
    >>> parse("encoder/dense@kernel").slot
    'kernel'
    """
    if not isinstance(text, str):
        raise AddressError(
            f"expected an address such as 'encoder/dense#0:0', got {type(text).__name__} {text!r}: pass a string"
        )
    if not text or text != text.strip("/"):
        raise AddressError(f"expected an address such as 'encoder/dense#0:0', got {text!r}: write path/to/layer#call")
    head, at, slot = text.partition("@")
    if at and (not slot or set(slot) & set("#:@/")):
        raise AddressError(f"expected one slot name after '@', got {text!r}: write path/to/layer@kernel")
    head, colon, output = head.partition(":")
    if colon and (not output.isdecimal() or at):
        raise AddressError(f"expected one whole number after ':', got {text!r}: write path/to/layer#call:0")
    parts = []
    for piece in head.split("/"):
        name, hash_, call = piece.partition("#")
        if not name or (hash_ and not call.isdecimal()):
            raise AddressError(f"expected name or name#call between slashes, got {piece!r} in {text!r}")
        parts.append(Part(unescape(name), int(call) if hash_ else None))
    return Address(tuple(parts), int(output) if colon else None, unescape(slot) if at else None)
