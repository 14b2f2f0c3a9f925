"""Read an untrusted JSON text: within limits, and with a note of everything suspicious."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from graphlint.errors import UnreadableError
from graphlint.model.definition import ProblemKind, SourceProblem
from graphlint.sources.limits import DEFAULT, Limits

_INTEGER_LIMIT = 1 << 63
_BRACKETS = np.frombuffer(b"[]{}", np.uint8)
_OPEN = 2
"""The bit that tells ``[`` and ``{`` from ``]`` and ``}``."""
_MOST_PROBLEMS = 20
_LONG_DIGITS = re.compile(rb"[0-9]{19}")
_LARGE_EXPONENT = re.compile(rb"[eE]\+?[0-9]{3}")


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """A parsed JSON text. ``problems`` are ``(kind, message)`` pairs for what is readable but suspicious.

    The kinds are ``duplicate-key``, ``number``, ``encoding`` and ``twice``.
    """

    value: Any
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def source_problems(self) -> list[SourceProblem]:
        """The problems as a model definition has them. Text that was encoded twice is a mistake, not a trick."""
        return [
            SourceProblem(ProblemKind.STRUCTURE if kind == "twice" else ProblemKind.JSON, text)
            for kind, text in self.problems
        ]


def parse_config(data: bytes, limits: Limits = DEFAULT, what: str = "config.json") -> JsonDocument:
    """Parse the JSON text of a model configuration as Keras does, within limits.

    ``what`` is the text's name in messages. The last of duplicate keys counts, as in Keras; UTF-16 and UTF-32 are read,
    as by Keras. A text that is a JSON string of a JSON text is decoded twice.

    Raises:
        UnreadableError: not JSON, or not text.
        LimitError: larger, deeper or longer than the limits.

    >>> parse_config(b'{"a": [1, 2]}').value
    {'a': [1, 2]}
    >>> parse_config(b'{"a": 1, "a": 2}').problems
    [('duplicate-key', "config.json has the key 'a' 2 times in one object; Keras takes the last")]
    """
    limits.check("json_bytes", len(data), f"{what}, bytes")
    problems: list[tuple[str, str]] = []
    text = _decode(data, what, problems)
    value = _parse(text, limits, what, problems)
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        problems.append(("twice", f"{what} is a JSON string that contains the JSON text: it was encoded twice"))
        value = _parse(value, limits, what, problems)
    return JsonDocument(value, problems)


def _decode(data: bytes, what: str, problems: list[tuple[str, str]]) -> str:
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        name = encoding.upper().replace("-LE", "").replace("-BE", "")
        problems.append(("encoding", f"{what} is encoded in {name}; Keras reads it, most scanners do not"))
    try:
        return data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"{what} is not text: byte {error.start:,} is not valid {encoding.upper()}; save the model again"
        ) from None


def _parse(text: str, limits: Limits, what: str, problems: list[tuple[str, str]]) -> Any:
    outside = _scan(text, limits, what)
    duplicates: dict[str, int] = {}
    constants: set[str] = set()
    overflows: set[str] = set()

    def from_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            for key, count in Counter(key for key, _ in pairs).items():
                if count > 1:
                    duplicates[key] = max(count, duplicates.get(key, 0))
        return result

    def from_constant(name: str) -> float:
        constants.add(name)
        return float(name)

    def from_float(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            overflows.add(digits if len(digits) < 20 else f"{digits[:20]}...")
        return value

    def from_integer(digits: str) -> int:
        if len(digits.lstrip("-")) > limits.json_integer_digits:
            raise limits.exceeded("json_integer_digits", f"{what}, an integer of {len(digits):,} digits")
        value = int(digits)
        if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise limits.exceeded("json_integer_digits", f"{what}, the integer {value}, which is not below 2**63,")
        return value

    try:
        value = json.loads(
            text,
            object_pairs_hook=from_pairs,
            parse_constant=from_constant,
            parse_float=from_float if _LARGE_EXPONENT.search(outside) else None,
            parse_int=from_integer if _LONG_DIGITS.search(outside) else None,
        )
    except json.JSONDecodeError as error:
        raise UnreadableError(
            f"{what} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; save the model again"
        ) from None
    except RecursionError:
        raise limits.exceeded("json_depth", f"{what}, nesting") from None
    for key, count in islice(duplicates.items(), _MOST_PROBLEMS):
        problems.append(
            ("duplicate-key", f"{what} has the key {key!r:.80} {count} times in one object; Keras takes the last")
        )
    if len(duplicates) > _MOST_PROBLEMS:
        problems.append(("duplicate-key", f"{what} has {len(duplicates) - _MOST_PROBLEMS:,} more duplicate keys"))
    for name in sorted(overflows)[:_MOST_PROBLEMS]:
        problems.append(("number", f"{what} contains the number {name}, which is not finite"))
    holder = _shape_that_is_not_finite(value) if constants else None
    if holder is not None:
        problems.append(("number", f"{what} contains a number under {holder!r:.80} that is not finite"))
    return value


def _shape_that_is_not_finite(value: Any) -> str | None:
    """The key of a shape with NaN or infinity. Elsewhere Keras itself writes them, such as ``max_value=inf``."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        key, one = stack.pop()
        if isinstance(one, dict):
            stack.extend((name if "shape" in name else key, inner) for name, inner in one.items())
        elif isinstance(one, list):
            stack.extend((key, inner) for inner in one)
        elif key and isinstance(one, float) and not math.isfinite(one):
            return key
    return None


def _scan(text: str, limits: Limits, what: str) -> bytes:
    """Check size, nesting and strings in linear time before parsing; returns the text outside strings."""
    data = text.encode("utf-8", "surrogatepass")
    if b"\\" in data:
        data = data.replace(b"\\\\", b"..").replace(b'\\"', b"..")
    limits.check("json_nodes", data.count(b'"') // 4, f"{what}, texts")
    characters = np.frombuffer(data, np.uint8)
    quotes = characters == ord('"')
    inside = np.logical_xor.accumulate(quotes)
    edges = np.flatnonzero(quotes)
    longest = int(np.diff(edges[: len(edges) // 2 * 2])[::2].max(initial=1)) - 1
    limits.check("json_string_bytes", longest, f"{what}, bytes of one string")
    characters = characters[~inside]
    outside = characters.tobytes()
    limits.check("json_nodes", outside.count(b",") + outside.count(b"[") + outside.count(b"{"), f"{what}, values")
    brackets = characters[np.isin(characters, _BRACKETS)] & _OPEN
    depth = np.cumsum(np.where(brackets, 1, -1), dtype=np.int32)
    limits.check("json_depth", int(depth.max(initial=0)), f"{what}, nesting")
    return outside
