"""Configurations with one thing in them that hardly anybody expects."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import cycle
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
Path = tuple[str | int, ...]
"""Keys and indices from the root of a configuration."""


def variants(config: dict[str, Any], seed: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Copies of a model's configuration without end, each with one odd thing, and where it is.

    A setting is missing, or is one of `ODD`. Each of a layer's settings has its turn before one has a second; whatever
    else there is comes in between. ``config`` is plain JSON; one ``seed`` always gives the same copies.
    """
    chance = random.Random(seed)
    text = json.dumps(config)
    places = list(_settings(config))
    own, others = ([path for path, is_own in places if is_own is wanted] for wanted in (True, False))
    turns = [turn for turn in (_endless(own, chance), _endless(own, chance), _endless(others, chance)) if turn]
    values: dict[Path, Iterator[Any]] = {}
    for turn in cycle(turns):
        path = next(turn)
        if path not in values:
            values[path] = _endless([_MISSING, *ODD], chance) or iter(())
        changed = json.loads(text)
        what = _change(changed, path, next(values[path]))
        if json.dumps(changed) != text:
            yield changed, f"{_shown(path)} {what}"


def _endless(items: list[Any], chance: random.Random) -> Iterator[Any] | None:
    """The items in random order, again and again; None without any."""
    return cycle(chance.sample(items, len(items))) if items else None


def _change(config: Any, path: Path, value: Any) -> str:
    for key in path[:-1]:
        config = config[key]
    if value is _MISSING:
        del config[path[-1]]
        return "is missing"
    config[path[-1]] = json.loads(json.dumps(value))
    return f"is {json.dumps(value)}"


def _shown(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def _settings(config: dict[str, Any]) -> Iterator[tuple[Path, bool]]:
    """Where there is anything in a configuration, and whether it is a setting of a layer or of a call."""
    stack: list[tuple[Path, Any]] = [((), config)]
    while stack:
        path, holder = stack.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            here = (*path, key)
            yield here, _is_own(path, holder)
            if isinstance(value, (dict, list)):
                stack.append((here, value))


def _is_own(path: Path, holder: Any) -> bool:
    """Whether what is held is the configuration of a layer that is no model, or the arguments of a call."""
    return isinstance(holder, dict) and (
        (path[-1:] == ("config",) and "layers" not in holder and path[-3:-2] == ("layers",)) or path[-1:] == ("kwargs",)
    )
