"""What a model was compiled with, the same for every spelling of the same settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphlint.comparison.arguments import differing, text_of
from graphlint.knowledge.defaults import object_defaults, plain_name
from graphlint.knowledge.losses import loss_row
from graphlint.knowledge.metrics import is_automatic_name, metric_name
from graphlint.knowledge.origin import is_keras_object
from graphlint.knowledge.tables import read_table
from graphlint.model.graph import ModelGraph

_BY_MACHINE = frozenset({"jit_compile"})
"""What Keras sets by the machine that compiles."""
_BY_DEFAULT = (("steps_per_execution", 1), ("auto_scale_loss", True))
_MEAN = {"auto": "sum_over_batch_size", "mean": "sum_over_batch_size"}
"""Reductions of losses that are another one under a second name: that of Keras 2, and that of Keras 3."""
_OLD_OPTIMIZER = (("decay", 0.0), ("is_legacy_optimizer", True), ("jit_compile", True))
"""Settings of the optimizers of Keras 2, with the values that change nothing."""


def compilation(graph: ModelGraph) -> dict[str, str]:
    """What a model was compiled with, by name; empty if it was not.

    Settings that differ from their defaults, without what Keras sets by the machine that compiles. Losses and metrics
    have one name, however they were named: ``"mse"``, ``"mean_squared_error"`` and ``MeanSquaredError()`` are one.
    """
    config = graph.compile_config
    if not config:
        return {}
    found: dict[str, str] = {}
    for key, value in config.items():
        if key in _BY_MACHINE or value is None or value is False or value in ([], {}):
            continue
        if (key, value) in _BY_DEFAULT:
            continue
        if key == "optimizer":
            found |= _optimizer(value)
        elif key == "loss":
            found[key] = _text(value, _loss_name)
        elif key in ("metrics", "weighted_metrics"):
            found[key] = _text(value, metric_name)
        else:
            found[str(key)] = text_of(value)
    return dict(sorted(found.items()))


def _loss_name(name: str) -> str:
    row = loss_row(name)
    return name if row is None else row.name


def _text(value: Any, named: Callable[[str], str]) -> str:
    """Losses or metrics, in whatever structure they are given, as text."""
    if isinstance(value, str):
        return text_of(named(value))
    if isinstance(value, (list, tuple)):
        texts = [_text(one, named) for one in value]
        return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"
    if not isinstance(value, dict):
        return text_of(value)
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or "config" not in value:
        items = sorted((text_of(str(key)), _text(one, named)) for key, one in value.items())
        return "{" + ", ".join(f"{key}: {text}" for key, text in items) + "}"
    if name == "function" and isinstance(config, str) and value.get("module") in (None, "builtins"):
        return text_of(named(config))
    if not isinstance(config, dict) or not is_keras_object(name, value.get("module"), value.get("registered_name")):
        return text_of(value)
    reduction = config.get("reduction")
    if isinstance(reduction, str):
        config = config | {"reduction": _MEAN.get(reduction, reduction)}
    own = differing(config, object_defaults(name))
    called = config.get("name")
    if named is metric_name and "fn" not in config and isinstance(called, str) and not is_automatic_name(name, called):
        own["name"] = text_of(called)
    if not own:
        return text_of(named(plain_name(name)))
    return f"{name}({', '.join(f'{key}={text}' for key, text in own.items())})"


def _optimizer(value: Any) -> dict[str, str]:
    """The class of an optimizer and what differs from its defaults; by default it may be a name."""
    if isinstance(value, str):
        return {"optimizer": _optimizer_class(value)}
    config = value.get("config") if isinstance(value, dict) else None
    name = value.get("class_name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not isinstance(config, dict):
        return {"optimizer": text_of(value)}
    name = _optimizer_class(name)
    given = {"learning_rate" if key == "lr" else key: one for key, one in config.items()}
    settings = {key: one for key, one in given.items() if (key, one) not in _OLD_OPTIMIZER}
    own = differing(settings, object_defaults(name))
    return {"optimizer": name} | {f"optimizer.{key}": text for key, text in own.items()}


def _optimizer_class(name: str) -> str:
    """The class of an optimizer of Keras, as its sources write it; another name as it is.

    >>> _optimizer_class("adam"), _optimizer_class("Custom>Adam"), _optimizer_class("mine>Adam")
    ('Adam', 'Adam', 'mine>Adam')
    """
    classes = {one.lower(): one for one in read_table("optimizers")}
    return classes.get(name.removeprefix("Custom>").lower(), name)
