"""What the arguments of Keras's layers are where nobody gives them, in the newest release that the tables know.

The table was made from the signatures of that release; `tests/knowledge/test_defaults.py` compares it with them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from graphlint.knowledge.naming import snake_case


@cache
def layer_defaults() -> dict[str, dict[str, Any]]:
    """Class -> argument -> default."""
    text = files("graphlint.knowledge").joinpath("tables/defaults.txt").read_text(encoding="utf-8")
    return {name: json.loads(arguments) for name, _, arguments in (line.partition(" ") for line in text.splitlines())}


_OF_EVERY_LAYER = {"trainable": True, "dtype": "float32"}


def is_default(class_name: str, argument: str, value: Any) -> bool:
    """Whether a setting in a configuration is what the class has without it. Unknown arguments are so if None.

    >>> [is_default("Conv2D", "strides", value) for value in ([1, 1], [2, 2])]
    [True, False]
    >>> is_default("Dense", "bias_initializer", {"class_name": "Zeros", "config": {}})
    True
    """
    known = layer_defaults().get(class_name, {}) | _OF_EVERY_LAYER
    if argument not in known:
        return value is None
    default = known[argument]
    if value == default:
        return True
    if isinstance(value, dict):
        config = value.get("config")
        if argument == "dtype":
            return isinstance(config, dict) and config.get("name") == default
        plain = isinstance(config, str) or not isinstance(config, dict) or not any(config.values())
        named = config if isinstance(config, str) else value.get("class_name")
        return plain and isinstance(default, str) and isinstance(named, str) and snake_case(named) == default
    if isinstance(value, (list, tuple)):
        return list(value) == default or (bool(value) and all(one == default for one in value))
    if default is None:
        return bool(value == "channels_last")
    return bool(default == "linear" and value is None)
