"""Whether copies of layers do what the layers do: measured at every call of a model, on random numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from graphlint.errors import CannotClone
from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class
from graphlint.knowledge.raised import told
from graphlint.knowledge.snapshots import Snapshot
from graphlint.model.address import ROOT
from graphlint.replay.domains import Eager
from graphlint.replay.forgotten import why
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.run import bind_feeds
from graphlint.replay.transaction import ONE_AT_A_TIME
from graphlint.replay.verify import States, distance, random_batches

Copies = Mapping[int, Sequence[Any]]
"""Copies of layers and operations, by the ``id`` of what they are copies of."""


class NotMeasured(UserWarning):
    """Copies were made of layers that are not Keras's own, and could not be compared with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """A call whose copy does something else: the layer, its address, and in what they differ."""

    layer: Any
    copy: Any
    address: str
    what: str

    def __str__(self) -> str:
        at = "" if self.address == ROOT else f" at {self.address}"
        return (
            f"{type(self.layer).__name__} {self.layer.name!r}{at} cannot be copied: {self.what}; "
            f"{why(self.layer, self.copy)}"
        )


@dataclass(slots=True)
class Measured:
    """What a measurement found: the calls that differ in graph order, and what could not be compared, with why."""

    unlike: list[Unlike] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)


def require_alike(model: keras.Model, copies: Copies) -> None:
    """Refuse copies that do something else than the layers of a model that they are copies of.

    Warns:
        NotMeasured: a layer that is not Keras's own could not be compared.

    Raises:
        CannotClone: one differs; the message names the first one in graph order, and why.
    """
    found = measure(model, copies)
    if found.unlike:
        raise CannotClone(str(found.unlike[0]), [one.layer for one in found.unlike])
    if found.unmeasured and any(_is_code(one) for several in copies.values() for one in several):
        warnings.warn(f"the copy was not compared: {found.unmeasured[0]}", NotMeasured, stacklevel=3)


def measure(model: keras.Model, copies: Copies) -> Measured:
    """Compare copies with what they are copies of, on what those receive in the model.

    In inference, and also in training mode where code runs that is not Keras's own. All states are put back.
    """
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _measured(model, copies)


def _measured(model: keras.Model, copies: Copies) -> Measured:
    found = Measured()
    everything = [one for several in copies.values() for one in several]
    states = States([model, *(one for one in everything if isinstance(one, keras.Layer))])
    modes = (False, True) if any(map(_is_code, everything)) else (False,)
    for training in modes:
        try:
            _run(model, copies, training, found)
        except Exception as error:
            # In training mode a model may need what only fit() gives it.
            if not training:
                found.unmeasured.append(told(error))
        finally:
            states.restore()
        if found.unlike:
            break
    return found


def _run(model: keras.Model, copies: Copies, training: bool, found: Measured) -> None:
    if id(model) in copies:
        _compare_models(model, copies[id(model)], training, found)
        return
    live = LiveGraph(model)
    *_, batch = random_batches(model)
    environment = bind_feeds(live, batch)
    plan = Planner(live, list(environment), inline_all=True).plan(live.graph.outputs)
    Interpreter(live, _Comparing(live, copies, training, found)).run(plan, environment, {"training": training})


def _compare_models(model: keras.Model, copies: Iterable[Any], training: bool, found: Measured) -> None:
    """A model whose body is code, on numbers of the shape that it was built for."""
    for feed in _feeds(model):
        before = _RandomState(model)
        try:
            expected = _called(model, (feed,), {"training": training})
        except Exception as error:
            problem: Exception = error
            continue
        for copy in copies:
            with before.shared.again():
                _compare(model, copy, ROOT, (feed,), {"training": training}, expected, found, before)
        return
    found.unmeasured.append(f"{model.name!r} does not run on random numbers ({told(problem, 100)})")


def _feeds(model: keras.Model) -> list[Any]:
    if keras_internals.graph_model(model) is not None:
        *_, batch = random_batches(model)
        return [batch]
    shapes = (model.get_build_config() or {}).get("input_shape")
    if shapes is None:
        raise ValueError(f"the inputs of {model.name!r} are not known")

    def filled(make: Any) -> Any:
        def walk(shape: Any) -> Any:
            if isinstance(shape, dict):
                return {key: walk(one) for key, one in shape.items()}
            if any(isinstance(one, (list, tuple, dict)) for one in shape):
                return [walk(one) for one in shape]
            return make([dim if dim is not None else 8 if place else 2 for place, dim in enumerate(shape)])

        return walk(shapes)

    random = np.random.default_rng(0)
    return [
        filled(lambda shape: np.asarray(random.normal(size=shape), "float32")),
        filled(lambda shape: random.integers(0, 2, shape).astype("int32")),
    ]


class _Comparing(Eager):
    """Runs a model, and at each call also the copies of what is called."""

    def __init__(self, live: LiveGraph, copies: Copies, training: bool, found: Measured) -> None:
        super().__init__(live)
        self.copies = copies
        self.training = training
        self.found = found

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        copies = self.copies.get(id(operation), ())
        if not copies or (self.training and not any(map(_is_code, copies))):
            return super().call(unit, operation, args, kwargs, recorded)
        before, masks = _RandomState(operation), _Masks(args, kwargs)
        outputs = super().call(unit, operation, args, kwargs, recorded)
        for copy in copies:
            with before.shared.again(), masks.again():
                _compare(operation, copy, self.live.graph.address(unit), args, kwargs, outputs, self.found, before)
        return outputs


class _Masks:
    """The masks of the tensors that a call receives: attention takes them off for whoever reads the tensors later."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tensors = [one for one in keras.tree.flatten((args, kwargs)) if keras_internals.mask_of(one) is not None]
        self.before = [(one, keras_internals.mask_of(one)) for one in tensors]

    @contextmanager
    def again(self) -> Iterator[None]:
        """Attach the masks as the call received them, and then leave the tensors as it left them."""
        after = [(tensor, keras_internals.mask_of(tensor)) for tensor, _ in self.before]
        for tensor, mask in self.before:
            keras_internals.set_mask(tensor, mask)
        try:
            yield
        finally:
            for tensor, mask in after:
                keras_internals.set_mask(tensor, mask)


class _RandomState:
    """The state from which one call draws its random numbers: of its own generators, and of the one of all layers."""

    def __init__(self, operation: Any) -> None:
        layers = keras_internals.all_layers(operation) if isinstance(operation, keras.Layer) else []
        self.own = Snapshot(state for layer in layers for state in keras_internals.seed_states(layer))
        self.shared = Snapshot([keras_internals.global_random_state()])


def _compare(
    operation: Any,
    copy: Any,
    address: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    expected: list[Any],
    found: Measured,
    before: _RandomState,
) -> None:
    if any(one.layer is operation for one in found.unlike):
        return
    try:
        what = _difference(expected, _called(copy, args, kwargs))
    except Exception as error:
        what = f"its copy cannot be called ({told(error, 120)})"
    if what is None:
        return
    if _is_code(operation) and not _repeats(operation, args, kwargs, expected, before):
        found.unmeasured.append(f"{address} is random in a way that Keras does not control")
        return
    found.unlike.append(Unlike(layer=operation, copy=copy, address=address, what=what))


def _repeats(
    operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], expected: list[Any], before: _RandomState
) -> bool:
    """Whether a layer returns the same again for the same arguments and random numbers."""
    try:
        with before.own.again(), before.shared.again():
            return _difference(expected, _called(operation, args, kwargs)) is None
    except Exception:
        return False


def _called(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    return list(keras.tree.flatten(operation(*args, **kwargs)))


def _difference(expected: list[Any], actual: list[Any]) -> str | None:
    """In what the results of a call and of its copy differ."""
    if len(expected) != len(actual):
        return f"it returns {len(expected)} tensors, and its copy {len(actual)}"
    largest = 0.0
    for one, other in zip(expected, actual, strict=True):
        if one is None or other is None:
            if one is not other:
                return "its copy leaves out a tensor"
            continue
        if (keras_internals.mask_of(one) is None) != (keras_internals.mask_of(other) is None):
            return "only one of it and its copy hands on a mask"
        left, right = (np.asarray(keras.ops.convert_to_numpy(value)) for value in (one, other))
        if left.shape != right.shape:
            return f"it returns the shape {left.shape}, and its copy {right.shape}"
        gap, close = distance(left, right)
        if not close:
            largest = max(largest, gap)
    return f"outputs of its copy differ by {largest:.2g}" if largest else None


def _is_code(operation: Any) -> bool:
    """Whether an operation, or a layer inside it, is not of a class of Keras, or runs a function of users."""
    layers = keras_internals.all_layers(operation) if isinstance(operation, keras.Layer) else [operation]
    return any(not is_live_keras_class(type(one)) or isinstance(one, keras.layers.Lambda) for one in layers)
