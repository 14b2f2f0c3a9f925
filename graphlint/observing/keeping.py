"""What a run of a model changes in it, put back bit for bit whatever happens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.knowledge.snapshots import Snapshot
from graphlint.tracing.restoring import kept


def trained_with(model: keras.Model) -> list[Any]:
    """What a model trains with besides its layers: metrics, losses and optimizers, its own and those inside these."""
    found: dict[int, Any] = {}
    stack = [value for layer in keras_internals.all_layers(model) for value in vars(layer).values()]
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple, set)):
            stack += [one for one in value if not isinstance(one, keras.Layer)]
        elif isinstance(value, dict):
            stack += [one for one in value.values() if not isinstance(one, keras.Layer)]
        elif id(value) not in found and isinstance(
            value, (keras.metrics.Metric, keras.losses.Loss, keras.optimizers.Optimizer)
        ):
            found[id(value)] = value
            stack += vars(value).values()
    return list(found.values())


def optimizers(model: keras.Model) -> list[Any]:
    """The optimizers of a model: the compiled one, and those that its own training step may use."""
    return [one for one in trained_with(model) if isinstance(one, keras.optimizers.Optimizer)]


def all_variables(model: keras.Model) -> list[Any]:
    """Every variable that a step of a model may write: weights, statistics, seeds, states, metrics, optimizers."""
    shared = keras_internals.global_random_state()
    held = {id(one): one for one in (shared, *model.variables, *model.metrics_variables)}
    for layer in keras_internals.all_layers(model):
        for one in (
            *keras_internals.carried_states(layer),
            *keras_internals.seed_states(layer),
            *keras_internals.variables_of_tensorflow(layer),
        ):
            held[id(one)] = one
    for owner in trained_with(model):
        held |= {id(one): one for one in getattr(owner, "variables", ())}
    return list(held.values())


@contextmanager
def as_it_was(model: keras.Model) -> Iterator[None]:
    """A context after which a model is as before: values, attributes, metrics, optimizers, seeds, also if unbuilt."""
    with keras_internals.kept_global_state():
        values = Snapshot(all_variables(model))
        with keras_internals.kept_backend_state(model), kept(model, trained_with(model)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                yield
            finally:
                values.restore()
