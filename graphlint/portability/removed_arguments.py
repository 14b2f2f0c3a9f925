"""Arguments of layers that Keras 3 no longer takes: which have no effect, which another name, and which are missed."""

from __future__ import annotations

from typing import Any

from graphlint.knowledge.releases import RELEASES, has_class, is_known_class, takes_argument
from graphlint.model.definition import LayerDefinition

_SAYS_NOTHING: dict[str, tuple[Any, ...]] = {
    "time_major": (False,),
    "groups": (1,),
    "ragged": (False,),
    "sparse": (False,),
    "renorm": (False,),
    "fused": (True, False, None),
    "implementation": (0, 1, 2),
    "decay": (0, 0.0),
    "unit_forget_bias": (True, False),
    "trainable": (True, False),
}
"""Values with which a removed argument has no effect."""
_FOUND_BY_KERAS = frozenset(
    {
        "batch_input_shape",
        "batch_size",
        "input_shape",
        "input_dim",
        "input_length",
        "input_dtype",
        "query_shape",
        "key_shape",
        "value_shape",
        "renorm_clipping",
        "renorm_momentum",
        "virtual_batch_size",
        "jit_compile",
        "is_legacy_optimizer",
        "output_shape_type",
        "shared_object_id",
        "build_input_shape",
        "force_generator",
        "rng_type",
        "batch_shape",
        "vocabulary_size",
        "has_input_vocabulary",
    }
)
"""Arguments that record a shape or a setting of the machine that wrote the file."""
_RESIZES = frozenset({"gaussian", "mitchellcubic"})
_PARTS = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}
_GONE = {
    ("UpSampling2D", "interpolation"): _RESIZES,
    ("Resizing", "interpolation"): _RESIZES,
    ("SeparableConv1D", "padding"): frozenset({"causal"}),
}
"""Values of arguments that Keras 3 refuses when the layer is made or runs."""
RENAMED = {"lr": "learning_rate", "alpha": "negative_slope"}


def means_nothing(key: str, value: Any) -> bool:
    """Whether a removed argument had no effect, or only on the initial weights.

    >>> means_nothing("time_major", False), means_nothing("renorm", True), means_nothing("kernel_initializer", "zeros")
    (True, False, True)
    """
    if value is None or value is False or key in _FOUND_BY_KERAS or key.endswith("_initializer"):
        return True
    return any(value == one for one in _SAYS_NOTHING.get(key, ()))


def gone_value(name: str, config: dict[str, Any]) -> str | None:
    """The argument of a layer whose value Keras 3 does not have; None if there is none.

    >>> gone_value("Resizing", {"interpolation": "gaussian"})
    "interpolation='gaussian'"
    """
    for (owner, key), values in _GONE.items():
        value = config.get(key)
        if name == owner and isinstance(value, str) and value.lower() in values:
            return f"{key}={value!r}"
    return None


def missed_argument(layer: LayerDefinition, release: int) -> str | None:
    """What a built-in layer loses in a release: its class, or an argument that has an effect; None if nothing."""
    name = layer.class_name or ""
    what = f"{name} {layer.name!r}"
    if has_class(name, release) is False or (has_class(name, release) is None and is_known_class(name, ("layers",))):
        return f"{what} is a layer that Keras {RELEASES[release]} does not have"
    gone = gone_value(name, layer.config)
    if gone is not None:
        return f"{what} has {gone}, which Keras 3 does not have"
    for key, value in layer.config.items():
        kind = _PARTS.get(key.rpartition("_")[2])
        if kind is not None and isinstance(value, dict):
            missed = _missed_by_part(value, kind, release)
            if missed:
                return f"{missed} in {key} of {what}"
        if _is_missed(name, key, value, release, "layers"):
            return f"{what} was made with {_refused(name, key, value, release)}"
    return None


def _missed_by_part(value: dict[str, Any], kind: str, release: int) -> str | None:
    """The same for an initializer, regularizer or constraint of Keras."""
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or not isinstance(config, dict) or ">" in str(value.get("registered_name")):
        return None
    for key, item in config.items():
        if key != "dtype" and _is_missed(name, key, item, release, kind):
            return _refused(name, key, item, release)
    return None


def _is_missed(name: str, key: str, value: Any, release: int, kind: str) -> bool:
    taken = takes_argument(name, key, release, kind) or takes_argument(name, RENAMED.get(key, key), release, kind)
    return taken is False and not means_nothing(key, value)


def _refused(name: str, key: str, value: Any, release: int) -> str:
    return f"{key}={value!r}, which {name} does not accept in Keras {RELEASES[release]}"
