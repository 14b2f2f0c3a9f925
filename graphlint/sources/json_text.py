"""Read an untrusted JSON text: within limits, and with a note of everything suspicious."""

from __future__ import annotations

import json
import marshal
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from graphlint.errors import UnreadableError
from graphlint.knowledge.common_objects import MODULES, is_common
from graphlint.model.definition import ProblemKind, SourceProblem
from graphlint.sources.limits import DEFAULT, Limits

_INTEGER_LIMIT = 1 << 63
_NOT_TELLING = bytes(set(range(256)) - set(b'"[]{},0123456789eE+-.:'))
_NUMBERS = bytes.maketrans(b"123456789E", b"000000000e")
"""To find long integers and large exponents quickly, all digits are one."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = b"0" * 19
_LONG_INTEGER = re.compile(rb"(?<![.0])0{19}")
_QUOTE, _BACKSLASH = b'"\\'
_NOT_BACKSLASH = re.compile(rb"[^\\]", re.DOTALL)
_PIECE = 1 << 18
"""Bytes that are looked at together: they fit into the cache of a processor."""
_LONGEST_NUMBER = 32
"""Bytes before a piece in which a number may begin that ends in it."""
_OBJECT = 4
"""How many values an object counts as, by the memory it takes."""
_OPEN = 2
"""The bit that tells ``[`` and ``{`` from ``]`` and ``}``."""
_MOST_PROBLEMS = 20


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
    text, hints = _decode(data, limits, what, problems)
    del data  # The text and what it becomes are large enough.
    value = _parse(text, hints, limits, what, problems)
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        problems.append(("twice", f"{what} is a JSON string that contains the JSON text: it was encoded twice"))
        hints = _scan(value.encode("utf-8", "surrogatepass"), limits, what)
        value = _parse(value, hints, limits, what, problems)
    return JsonDocument(value, problems)


class _Hints(NamedTuple):
    """How many keys all objects of a text have, and which numbers that the parser must not be left alone with."""

    keys: int
    floats: bool
    integers: bool


def _decode(data: bytes, limits: Limits, what: str, problems: list[tuple[str, str]]) -> tuple[str, _Hints]:
    """The text of checked bytes."""
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        name = encoding.upper().replace("-LE", "").replace("-BE", "")
        problems.append(("encoding", f"{what} is encoded in {name}; Keras reads it, most scanners do not"))
    try:
        text = data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"{what} is not text: byte {error.start:,} is not valid {encoding.upper()}; save the model again"
        ) from None
    return text, _scan(data if encoding.startswith("utf-8") else text.encode("utf-8", "surrogatepass"), limits, what)


def _parse(text: str, hints: _Hints, limits: Limits, what: str, problems: list[tuple[str, str]]) -> Any:
    constants: set[str] = set()
    overflows: set[str] = set()
    objects: dict[bytes, dict[str, Any]] = {}
    names: dict[str, str] = {}
    keys = 0

    def finished(value: dict[str, Any]) -> dict[str, Any]:
        nonlocal keys
        keys += len(value)
        module = value.get("module")
        if module.__class__ is str:
            if module in MODULES and is_common(value):
                return objects.setdefault(marshal.dumps(value, 2), value)
            value["module"] = names.setdefault(module, module)
            name = value.get("class_name")
            if name.__class__ is str:
                value["class_name"] = names.setdefault(name, name)
        elif len(value) == 1 and _is_shape(value.get("input_shape")):
            return objects.setdefault(marshal.dumps(value, 2), value)
        return value

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
            object_hook=finished,
            parse_constant=from_constant,
            parse_float=from_float if hints.floats else None,
            parse_int=from_integer if hints.integers else None,
        )
    except json.JSONDecodeError as error:
        raise UnreadableError(
            f"{what} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; save the model again"
        ) from None
    except RecursionError:
        raise limits.exceeded("json_depth", f"{what}, nesting") from None
    duplicates = _duplicate_keys(text) if keys < hints.keys else {}
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


def _is_shape(value: Any) -> bool:
    return value.__class__ is list and len(value) < 9 and all(one is None or one.__class__ is int for one in value)


def _has_long_integer(numbers: bytes) -> bool:
    """Whether 19 digits follow each other in a text whose digits are all 0, other than after a decimal point."""
    return _DIGITS in numbers and _LONG_INTEGER.search(numbers) is not None


def _duplicate_keys(text: str) -> dict[str, int]:
    """The keys that some object of a text has several times, with how often."""
    found: dict[str, int] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            for key, count in Counter(key for key, _ in pairs).items():
                if count > 1:
                    found[key] = max(count, found.get(key, 0))

    json.loads(text, object_pairs_hook=note, parse_int=len, parse_float=len)
    return found


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


def _scan(data: bytes, limits: Limits, what: str) -> _Hints:
    """Check size, nesting and strings before parsing, in linear time and piece by piece."""
    texts = values = depth = 0
    start, opened = 0, -1
    """Where the current piece and the string that is open there begin; -1 outside of strings."""
    before = b""
    keys = 0
    hints = _Hints(0, False, False)
    while start < len(data):
        end = min(start + _PIECE, len(data))
        if data[end - 1] == _BACKSLASH:  # What it escapes belongs to the same piece.
            run = _NOT_BACKSLASH.search(data, end)
            end = run.end() if run is not None else len(data)
        piece = data[start:end]
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"..").replace(b'\\"', b"..")
        edges = np.flatnonzero(np.frombuffer(piece, np.uint8) == _QUOTE) + start
        if opened >= 0:
            edges = np.concatenate(([opened], edges))
        telling = np.frombuffer(piece.translate(_NUMBERS, _NOT_TELLING), np.uint8)
        inside = np.logical_xor.accumulate(telling == _QUOTE)
        outside = telling[inside if opened >= 0 else ~inside].tobytes()
        opened = int(edges[-1]) if len(edges) % 2 else -1
        bounds = np.append(edges, end) if opened >= 0 else edges
        longest = int(np.diff(bounds)[::2].max(initial=1)) - 1
        limits.check("json_string_bytes", longest, f"{what}, bytes of one string")
        texts += len(bounds) // 2
        keys += outside.count(b":")
        values += outside.count(b",") + outside.count(b"[") + _OBJECT * outside.count(b"{")
        limits.check("json_nodes", max(texts // 2, values), f"{what}, values")
        brackets = np.frombuffer(outside.translate(None, _NO_BRACKETS), np.uint8) & _OPEN
        depths = np.cumsum(np.where(brackets, 1, -1), dtype=np.int32) + depth
        limits.check("json_depth", int(depths.max(initial=0)), f"{what}, nesting")
        depth = int(depths[-1]) if len(depths) else depth
        seam = before + outside
        hints = _Hints(
            keys, hints.floats or b"e000" in seam or b"e+000" in seam, hints.integers or _has_long_integer(seam)
        )
        before = seam[-_LONGEST_NUMBER:]
        start = end
    return hints
