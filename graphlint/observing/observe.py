"""One batch through one model, on a copy of its state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import wraps
from typing import Any

import keras
import numpy as np

from graphlint.errors import one_line
from graphlint.knowledge import keras_internals
from graphlint.model.graph import ModelGraph
from graphlint.model.observations import Failure, Observations, ObservedGradient
from graphlint.observing.batches import Batch
from graphlint.observing.calls import Calls
from graphlint.observing.keeping import as_it_was
from graphlint.observing.losses import observed_targets
from graphlint.observing.numbers import array_of, measured

NOT_COMPILED = "needs a compiled model"
NO_TARGETS = "needs targets in the batch"


def fixed_rows(model: keras.Model) -> int | None:
    """How many rows a model takes, where that is fixed."""
    shapes = [one.shape for one in getattr(model, "inputs", None) or []]
    return next((int(shape[0]) for shape in shapes if shape and shape[0] is not None), None)


def has_graph(model: keras.Model) -> bool:
    """Whether it is known what a model receives, without a batch."""
    return keras_internals.graph_model(model) is not None


@contextmanager
def built(model: keras.Model, batch: Batch) -> Iterator[None]:
    """While this lasts, a model has the variables that a batch makes it build. Afterwards it is as before."""
    with as_it_was(model):
        if not keras_internals.all_built(model):
            with suppress(Exception):  # What it raises is seen, and said, when it runs.
                model(tensors(batch.x), training=False)
        yield


def observe(graph: ModelGraph, model: keras.Model, batch: Batch) -> Observations:
    """Run a model on a batch as `fit` would, and record what happens. The model does not change.

    Forward in training mode and, if it is compiled, through its own training step, of which the optimizer receives the
    gradients and applies none.
    """
    with keras_internals.distributing(model), as_it_was(model), keras_internals.as_one_device(model):
        return _Run(graph, model, batch).observations()


def tensors(structure: Any) -> Any:
    """Arrays as the tensors that a model is called with."""

    def tensor(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        if leaf.dtype.kind in "USO":
            if keras.backend.backend() != "tensorflow":
                return leaf
            import tensorflow as tf

            return tf.constant(leaf)
        return keras.ops.convert_to_tensor(leaf)

    return keras.tree.map_structure(tensor, structure)


class _Run:
    def __init__(self, graph: ModelGraph, model: keras.Model, batch: Batch) -> None:
        self.graph = graph
        self.model = model
        self.batch = batch
        self.x, self.y, self.weight = tensors(batch.x), tensors(batch.y), tensors(batch.sample_weight)
        paths = {id(layer.obj): path for path, layer in graph.layers.items() if layer.obj is not None}
        self.calls = Calls(paths)
        self.loss: float | None = None
        self.compared: tuple[Any, Any] | None = None
        self.gradients: dict[int, tuple[Any, float]] = {}
        self.stage = "forward"
        self.failure: Failure | None = None

    def observations(self) -> Observations:
        model = self.model
        in_numpy = [array_of(one) for one in keras.tree.flatten(self.x)]
        optimizer = getattr(model, "optimizer", None)
        found = Observations(
            rows=self.batch.rows,
            of_rows=self.batch.of_rows,
            inputs=tuple(measured(one) for one in in_numpy if one is not None),
            all_inputs=_whole(self.batch.all_inputs, len(in_numpy)),
            steps=int(keras_internals.numbers(optimizer.iterations)) if optimizer is not None else 0,
            loss_scaled=optimizer is not None and keras_internals.loss_scale(optimizer) not in (None, 1.0),
            clipped=any(getattr(optimizer, name, None) for name in ("clipnorm", "clipvalue", "global_clipnorm")),
            learning_rate=_rate(optimizer),
            optimizer=None if optimizer is None else type(optimizer).__name__,
            weighted=self.batch.sample_weight is not None,
            odd_variables=tuple(self.variables_of(lambda array: not np.isfinite(array).all())),
            zero_variables=tuple(self.variables_of(lambda array: not array.any())),
        )
        found.no_targets, found.no_gradients = self.run()
        found.failure = self.failure
        found.calls = self.calls.seen
        if self.failure is not None and self.failure.stage == "forward":
            found.calls = [*found.calls, *self.calls.begun]
        outputs = [array_of(one) for one in keras.tree.flatten(self.calls.root)] if self.calls.root is not None else []
        found.outputs = tuple(measured(one) for one in outputs if one is not None)
        found.loss = self.loss
        if self.compared is not None:
            found.targets = tuple(observed_targets(model, *self.compared, self.batch.all_targets))
        if found.no_targets is None and not found.targets:
            found.no_targets = "its targets are not compared with its outputs"
        found.gradients = dict(self.observed_gradients())
        odd = any(one.numbers is not None and not one.numbers.finite for one in found.gradients.values())
        if odd and not found.loss_scaled and (found.loss is None or np.isfinite(found.loss)):
            found.flows = self.way_back()
        if found.no_gradients is None and not found.gradients:
            found.no_gradients = "no optimizer of Keras received a gradient"
        return found

    def run(self) -> tuple[str | None, str | None]:
        """Run what can be run; why there are no targets, and why there are no gradients."""
        model = self.model
        compiled = getattr(model, "compiled", False) and getattr(model, "optimizer", None) is not None
        own = keras_internals.has_own_train_step(model)
        jax = keras.backend.backend() == "jax"
        if not keras_internals.trains():
            self.attempt(self.forward)
            return (never := f"Keras does not train on the backend {keras.backend.backend()}"), never
        no_targets = NO_TARGETS if self.batch.y is None else None if compiled else NOT_COMPILED
        if not compiled:
            self.attempt(self.forward)
            return no_targets, NOT_COMPILED
        if self.batch.y is None and not own and _needs_targets(model):
            self.attempt(self.forward)
            return no_targets, NO_TARGETS
        if jax and keras_internals.has_call(model) | (keras_internals.graph_model(model) is not None):
            self.attempt(self.forward_with_loss)
        if self.failure is None:
            self.attempt(self.step)
        return no_targets, "the step failed before" if self.failure is not None else None

    def way_back(self) -> tuple[tuple[str, bool], ...]:
        """The step once more, to see at which call the gradient stops being finite."""
        self.calls = Calls(self.calls.paths, probing=True)
        with suppress(Exception):  # It ran before; if it does not again, less is known.
            self.step(watched=True)
        return tuple(self.calls.flows)

    def attempt(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # Whatever the code of a model raises is what there is to report.
            self.failure = Failure(
                stage=self.stage,
                message=_told(error),
                layer=self.calls.raised if self.stage == "forward" else None,
            )

    def forward(self) -> None:
        with self.calls.running():
            self.called()

    def called(self) -> Any:
        kwargs = {"training": True} if keras_internals.takes_training(self.model) else {}
        return self.model(self.x, **kwargs)

    def forward_with_loss(self) -> None:
        with self.calls.running():
            outputs = self.called()
        self.stage = "loss"
        self.compared = self.y, outputs
        loss = self.model.compute_loss(x=self.x, y=self.y, y_pred=outputs, sample_weight=self.weight, training=True)
        self.loss = _number(loss)
        self.stage = "step"

    def step(self, *, watched: bool | None = None) -> None:
        """The model's own training step, of which no variable keeps anything."""
        model = self.model
        given = 1 if self.y is None else 2 if self.weight is None else 3
        data = (self.x, self.y, self.weight)[:given]
        cls = type(model)
        patches: list[keras_internals.Replacement] = [
            (owner, name, self.applied(getattr(owner, name), name))
            for owner, name in keras_internals.applying_methods()
        ]
        patches.append((cls, "compute_loss", self.computed(cls.compute_loss)))
        jax = keras.backend.backend() == "jax"
        if jax:
            patches.append((cls, "compute_metrics", lambda *args, **kwargs: {}))
        watching = self.calls.running() if watched or (watched is None and not jax) else nullcontext()
        with keras_internals.replaced(patches), watching:
            if jax:
                model.train_step(keras_internals.train_state(model), data)
            else:
                model.train_step(data)

    def computed(self, compute_loss: Any) -> Any:
        @wraps(compute_loss)
        def recorded(model: Any, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
            if model is not self.model:
                return compute_loss(model, x, y, y_pred, *args, **kwargs)
            self.stage = "loss"
            if self.compared is None and y is not None and y_pred is not None:
                self.compared = y, y_pred
            loss = compute_loss(model, x, y, y_pred, *args, **kwargs)
            self.stage = "step"
            if self.loss is None:
                self.loss = _number(loss)
            return loss

        return recorded

    def applied(self, apply: Any, name: str) -> Any:
        """A method of an optimizer that notes the gradients it receives and applies none."""

        @wraps(apply)
        def recorded(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            if name == "stateless_apply":
                names = ("optimizer_variables", "grads", "trainable_variables")
                state, grads, values = (
                    kwargs.get(one, args[place] if place < len(args) else None) for place, one in enumerate(names)
                )
                variables = keras_internals.optimized_variables(optimizer) or self.model.trainable_variables
                self.note(optimizer, grads, variables)
                return values, state
            grads = kwargs.get("grads", args[0] if args else ())
            variables = kwargs.get("trainable_variables", args[1] if len(args) > 1 else None)
            self.note(optimizer, grads, variables or keras_internals.optimized_variables(optimizer))
            return None

        return recorded

    def note(self, optimizer: Any, grads: Any, variables: Any) -> None:
        scale = keras_internals.loss_scale(optimizer) or 1.0
        for variable, gradient in zip(list(variables), list(grads), strict=False):
            if gradient is not None or id(variable) not in self.gradients:
                self.gradients[id(variable)] = (gradient, scale)

    def variables_of(self, holds: Callable[[np.ndarray], bool]) -> Iterator[str]:
        """The ids of the variables of floats of which something holds."""
        for variable in self.graph.variables.values():
            array = array_of(keras_internals.numbers(variable.obj)) if variable.obj is not None else None
            if array is not None and array.dtype.kind == "f" and array.size and holds(array):
                yield variable.id

    def observed_gradients(self) -> Iterator[tuple[str, ObservedGradient]]:
        for variable in self.graph.variables.values():
            if id(variable.obj) not in self.gradients:
                continue
            gradient, scale = self.gradients[id(variable.obj)]
            value = array_of(keras_internals.numbers(variable.obj))
            array = None if gradient is None else array_of(_dense(gradient))
            if gradient is not None and array is None:
                continue
            if array is not None:
                array = np.asarray(array, "float32") / scale
            yield (
                variable.id,
                ObservedGradient(
                    variable=variable.id,
                    numbers=None if array is None else measured(array),
                    norm=0.0 if array is None else _norm(array),
                    value_norm=0.0 if value is None else _norm(value),
                    value_finite=value is None or bool(np.isfinite(value).all()),
                    constant=None if value is None else _constant(value),
                ),
            )


_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_CALLING = re.compile(r"Exception encountered when calling .*?(call\(\)|layer '.*?' \(.*?\))\.\s*", re.DOTALL)
_ARGUMENTS = re.compile(r"\s*Arguments received by .*", re.DOTALL)


def _told(error: Exception) -> str:
    """What an error says, without what Keras puts around it."""
    said = _COLORS.sub("", str(error))
    plain = _ARGUMENTS.sub("", _CALLING.sub("", said)).strip()
    if not plain:
        return one_line(error, 300)
    return f"{type(error).__name__}: {' '.join(plain.split())[:300]}"


def _whole(given: Any, count: int) -> tuple[Any, ...]:
    arrays = [array_of(one) for one in keras.tree.flatten(given)] if given is not None else []
    if len(arrays) != count:
        return (None,) * count
    return tuple(None if one is None else measured(one) for one in arrays)


def _needs_targets(model: keras.Model) -> bool:
    return (keras_internals.compile_arguments(model) or {}).get("loss") is not None


def _number(loss: Any) -> float | None:
    array = array_of(loss)
    return None if array is None or array.size != 1 else float(array.reshape(()))


def _rate(optimizer: Any) -> float | None:
    try:
        return None if optimizer is None else _number(optimizer.learning_rate)
    except Exception:  # A schedule of somebody's own may raise.
        return None


def _dense(gradient: Any) -> Any:
    """A gradient of rows, which TensorFlow gives for a lookup, as a whole one."""
    if type(gradient).__name__ == "IndexedSlices":
        import tensorflow as tf

        return tf.convert_to_tensor(gradient)
    return gradient.detach() if hasattr(gradient, "detach") else gradient


def _norm(array: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        found = float(np.linalg.norm(array.astype("float64").reshape(-1)))
    return found if np.isfinite(found) else float("inf")


def _constant(array: np.ndarray) -> float | None:
    if not array.size or array.dtype.kind not in "fiu":
        return None
    first = array.reshape(-1)[0]
    return float(first) if (array == first).all() else None
