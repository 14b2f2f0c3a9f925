"""How large the steps of the compiled optimizer are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphlint.knowledge.optimizers import ADAPTIVE
from graphlint.model.graph import ModelGraph, Variable

_WRAPPERS = ("LossScaleOptimizer",)
_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate of an optimizer of Keras, where it is a number and no schedule.

    ``adaptive`` says whether each weight moves by about the learning rate in a step, whatever its gradient is, and
    ``clipped`` whether gradients are cut.
    """

    optimizer: str
    value: float
    adaptive: bool
    clipped: bool


def compiled_rate(graph: ModelGraph) -> Rate | None:
    """The learning rate that a model is compiled with; None if that is not one number."""
    written = (graph.compile_config or {}).get("optimizer")
    while isinstance(written, dict) and written.get("class_name") in _WRAPPERS:
        config = written.get("config")
        written = config.get("inner_optimizer") if isinstance(config, dict) else None
    if not isinstance(written, dict) or not isinstance(written.get("config"), dict):
        return None
    name, config = written.get("class_name"), written["config"]
    value = config.get("learning_rate", config.get("lr"))
    if not isinstance(name, str) or written.get("registered_name") or not _is_number(value):
        return None
    name = name.rpartition(">")[2]
    return Rate(name, float(value), name.lower() in ADAPTIVE, any(config.get(one) for one in _CLIPS))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def start_scale(kernel: Variable) -> float:
    """The standard deviation of Glorot's start for a kernel.

    Of a convolution, whose fans are those of one place times its places.
    """
    places = kernel.size // (kernel.shape[-1] * kernel.shape[-2])
    return float((2 / (places * (kernel.shape[-1] + kernel.shape[-2]))) ** 0.5)
