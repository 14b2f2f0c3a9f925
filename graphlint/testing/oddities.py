"""Configurations with one thing in them that hardly anybody expects."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_RELU: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "ReLU",
    "config": {"name": "re_lu", "trainable": True, "dtype": "float32", "max_value": None, "negative_slope": 0.0},
    "registered_name": None,
}
_CUSTOM = {"module": "mine", "class_name": "Mine", "config": {"scale": 2}, "registered_name": "mine>Mine"}
_FUNCTION = {"module": "builtins", "class_name": "function", "config": "swish", "registered_name": "function"}
_POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}, "registered_name": None}
_TENSOR = {"class_name": "__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**63, 0.5, -0.0, 1e308, "", "x", "same", "channels_first", "linear", "relu"),
    *([], {}, [None], [1], [1, 2, 3], [0, 0], [None, 4], ["a"], [[1, 2], [3, 4]], [{}], {"a": 1}, {"class_name": None}),
    *(_RELU, _CUSTOM, _FUNCTION, _POLICY, _TENSOR),
)
"""What a setting may be other than what it is: in part what Keras takes there, in part what only a broken file has."""

_MISSING = object()


def variants(config: dict[str, Any], seed: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Copies of a model's configuration without end, each with one odd thing, and where it is.

    A setting is missing, is one of `ODD`, or is what another setting is. ``config`` is plain JSON; one ``seed`` always
    gives the same copies.
    """
    chance = random.Random(seed)
    text = json.dumps(config)
    while True:
        changed = json.loads(text)
        places = list(_settings(changed))
        if not places:
            return
        path, holder, key = chance.choice(places)
        value: Any = chance.choice(ODD)
        kind = chance.random()
        if kind < 0.1:
            value = _MISSING
        elif kind < 0.2:
            _, other, place = chance.choice(places)
            value = other[place]
        if value is _MISSING:
            del holder[key]
            yield changed, f"{path} is missing"
        else:
            holder[key] = json.loads(json.dumps(value))
            yield changed, f"{path} is {json.dumps(value)}"


def _settings(config: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The settings of layers, calls and compilation with their paths; those of layers more than once."""
    stack: list[tuple[str, Any, bool]] = [("", config, False)]
    while stack:
        path, holder, inside = stack.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in items:
            here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
            for _ in range(4 if inside and isinstance(holder, dict) else 1):
                yield here, holder, key
            if isinstance(value, (dict, list)):
                own = key == "config" and "layers" not in value
                stack.append((here, value, own))
