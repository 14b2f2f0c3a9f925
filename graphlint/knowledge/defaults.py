"""The defaults of what a configuration holds, so that what was chosen can be told from what was not."""

from __future__ import annotations

from typing import Any

from graphlint.knowledge.naming import snake_case
from graphlint.knowledge.tables import read_defaults, read_table

KINDS = ("initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
"""What a configuration holds besides layers."""

_RENAMED = {"OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity"}
_SAME = {
    "activation": ("linear", None),
    "recurrent_activation": ("linear", None),
    "data_format": ("channels_last", None),
    "autocast": (True, None),
}
"""Arguments that Keras writes as the first where the second was given."""
_SCALED = {(1.0, "fan_avg"): "glorot", (2.0, "fan_in"): "he", (1.0, "fan_in"): "lecun"}
_ACTIVATIONS = {"swish": "silu", "hard_swish": "hard_silu"}
"""Second names of activations."""


def layer_defaults(class_name: str | None) -> dict[str, Any] | None:
    """The defaults of the arguments of a layer class of Keras; None for a class that it does not have."""
    return read_defaults().get(f"layers.{class_name}")


def operation_defaults(module: str | None, class_name: str | None) -> dict[str, Any] | None:
    """The defaults of the arguments of an operation of Keras, by the module that a configuration names."""
    stem = (module or "").rpartition(".")[2]
    return read_defaults().get(f"operations.{stem}.{class_name}")


def object_defaults(class_name: str) -> dict[str, Any] | None:
    """The defaults of an initializer, loss, optimizer or the like; None for a class that Keras does not have."""
    tables = read_defaults()
    return next((tables[key] for kind in KINDS if (key := f"{kind}.{class_name}") in tables), None)


def plain_name(class_name: str) -> str:
    """The name by which an argument stands for an object of a class, as in ``kernel_initializer="glorot_uniform"``.

    >>> plain_name("GlorotUniform"), plain_name("OrthogonalInitializer")
    ('glorot_uniform', 'orthogonal')
    """
    return snake_case(_RENAMED.get(class_name, class_name))


def scaled_name(config: dict[str, Any]) -> str | None:
    """The name of the initializer that a ``VarianceScaling`` of Keras 1 and 2.0 to 2.2 was written for.

    >>> scaled_name({"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None})
    'glorot_uniform'
    """
    scale = config.get("scale")
    if config.get("seed") is not None or not isinstance(scale, (int, float)):
        return None
    distribution = str(config.get("distribution")).removeprefix("truncated_")
    family = _SCALED.get((scale, str(config.get("mode"))))
    return f"{family}_{distribution}" if family and distribution in ("normal", "uniform") else None


def as_given(argument: str, value: Any) -> Any:
    """A value as it was given to an argument, where Keras writes another.

    >>> [as_given("activation", one) for one in ("linear", "relu", "swish")]
    [None, 'relu', 'silu']
    """
    if argument.endswith("activation"):
        value = _activation(value)
    written, given = _SAME.get(argument, (None, None))
    return given if value == written and type(value) is type(written) else value


def _activation(value: Any) -> Any:
    """An activation by its one name; a function of somebody else as it is."""
    if isinstance(value, dict) and value.get("class_name") == "function" and value.get("module") in (None, "builtins"):
        config = value.get("config")
        if isinstance(config, str) and (config in _ACTIVATIONS or config in read_table("activations")):
            value = config
    return _ACTIVATIONS.get(value, value) if isinstance(value, str) else value


_OF_EVERY_LAYER = {"trainable": True, "dtype": "float32"}


def is_default(class_name: str, argument: str, value: Any) -> bool:
    """Whether a setting in a configuration is what the layer class has without it. Unknown arguments are so if None.

    >>> [is_default("Conv2D", "strides", value) for value in ([1, 1], [2, 2])]
    [True, False]
    >>> is_default("Dense", "bias_initializer", {"class_name": "Zeros", "config": {}})
    True
    """
    known = (layer_defaults(class_name) or {}) | _OF_EVERY_LAYER
    if argument not in known:
        return value is None
    default = known[argument]
    if value == default:
        return True
    if isinstance(value, dict):
        config = value.get("config")
        if argument == "dtype":
            return isinstance(config, dict) and config.get("name") == default
        named = config if isinstance(config, str) else value.get("class_name")
        own = object_defaults(str(named)) or {}
        plain = not isinstance(config, dict) or all(not one or one == own.get(key) for key, one in config.items())
        return plain and isinstance(default, str) and isinstance(named, str) and plain_name(named) == default
    if isinstance(value, (list, tuple)):
        return list(value) == default or (bool(value) and all(one == default for one in value))
    return bool(as_given(argument, value) == default)
