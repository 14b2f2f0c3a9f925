"""A model while `fit` trains it: each batch before its step, and the way back to the step that went wrong."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.knowledge.snapshots import Snapshot
from graphlint.model.graph import ModelGraph
from graphlint.model.observations import Movement
from graphlint.observing.batches import Batch, take
from graphlint.observing.keeping import all_variables
from graphlint.observing.numbers import array_of

FEW, MANY = 8, 64
"""Steps between two copies of the state at least and at most: so many batches are held."""
_SHARE = 0.005
"""Share of the time that copies of the state may take."""


class Steps:
    """Stands where `fit` calls its training function, sees each batch, and runs the step as it was.

    ``before`` is called with the batch of each step that is ``due``, while the model holds the values before it. When a
    loss is not finite, or weights are no longer, the steps since the last copy of the state run again, up to the one
    that went wrong; ``broken`` is called with its batch while the model holds the values before it, and the training
    ends with these values.
    """

    def __init__(
        self,
        model: keras.Model,
        due: Callable[[int], bool],
        before: Callable[[Any], None],
        broken: Callable[[int, Any], None],
    ) -> None:
        self.model = model
        self.due, self.before, self.broken = due, before, broken
        self.original = model.train_function
        self.step = 0
        self.seen_batches = True
        self.seconds = 0.0
        """Time that was spent on anything but the steps."""
        self._clock: tuple[float, float, int] | None = None
        """When the first step had ended, which compiles; the time spent, and the steps, until then."""
        self._backend = keras.backend.backend()
        self._logs: Any = {}
        self._since: list[Any] = []
        self._copied_at = 0
        self._copy: Any = None
        self._copy_is_finite = False
        self._interval = FEW

    @property
    def last_batch(self) -> Any:
        """The batch of the last step, if it is still held."""
        return keras_internals.on_one_device(self._since[-1]) if self._since else None

    def install(self) -> None:
        self.model.train_function = self

    def remove(self) -> None:
        if self.model.train_function is self:
            self.model.train_function = self.original

    def __call__(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        state = arguments[0] if self._backend == "jax" else None
        batches, arguments = self._opened(arguments)
        if batches:
            with keras_internals.without_writing_state(self.model), keras_internals.distributing(self.model):
                good = self._before_step(state, batches)
            if good is not None:
                self.seconds += time.perf_counter() - start
                return (self._logs, good) if self._backend == "jax" else self._logs
        self.seconds += time.perf_counter() - start
        result = self.original(*arguments)
        self._logs = result[0] if self._backend == "jax" else result
        self.step += max(1, len(batches))
        if self._clock is None:
            self._clock = time.perf_counter(), self.seconds, self.step
        return result

    def _before_step(self, state: Any, batches: list[Any]) -> Any:
        """Look and copy where that is due; what `_check` returns, if a loss was not finite."""
        copying = self._copy is None or self.step - self._copied_at >= self._interval
        start = time.perf_counter()
        # A loss may stay finite over weights that are not: a maximum over NaN is a number on JAX.
        finite = copying and self._weights_are_finite(state)
        checking = time.perf_counter() - start
        good = self._check(state, finite or not self._copy_is_finite) if copying else None
        if good is not None:
            return good
        self._look(state, batches[0])
        if copying:
            self._remember(state, checking)
            self._copy_is_finite = finite
        self._since += batches
        return None

    def _look(self, state: Any, data: Any) -> None:
        if self.due(self.step):
            self._hold(state)
            self.before(keras_internals.on_one_device(data))

    def finish(self) -> None:
        """Look at the last loss of an epoch, when the model holds its values itself."""
        if self._copy is not None:
            state = self._state() if self._backend == "jax" else None
            with keras_internals.distributing(self.model):
                self._check(state)

    # -- batches ------------------------------------------------------------------------------------------------

    def _opened(self, arguments: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
        """The batches of a step, and arguments with which the original function runs on these; none where it is not
        known how `fit` hands them on."""
        given = arguments[-1]
        if self._backend == "torch":
            return list(given), arguments
        if not keras_internals.steps_take_iterables(given):
            self.seen_batches = False
            return [], arguments
        batches = []
        for _ in range(self.model.steps_per_execution):
            try:
                batches.append(next(given))
            except StopIteration:
                break
        if not batches:
            raise StopIteration
        return batches, (*arguments[:-1], iter(batches))

    # -- the way back -------------------------------------------------------------------------------------------

    def _remember(self, state: Any, checking: float) -> None:
        start = time.perf_counter()
        self._copy = self._copied(state)
        cost = time.perf_counter() - start + checking
        if self._clock is not None and self.step > self._clock[2]:
            began, seconds, steps = self._clock
            each = (start - began - (self.seconds - seconds)) / (self.step - steps)
            self._interval = int(np.clip(math.ceil(cost / max(1e-9, _SHARE * each)), FEW, MANY))
        self._copied_at, self._since = self.step, []

    def _check(self, state: Any, finite: bool = True) -> Any:
        """If the loss is not finite, or weights are not, go back to the step that made it so; the state before it, or
        True."""
        if not self._since or (finite and _finite(self._logs)):
            return None
        self._restore(self._copy, state)
        values, wrong = self._copy, len(self._since) - 1
        # If it does not happen again, the last step is all that is known.
        for number, data in enumerate(self._since):
            good = self._copied(values)
            if state is None:
                logs = self.original([data] if self._backend == "torch" else iter([data]))
            else:
                logs, values = self.original(values, iter([data]))
            if not _finite(logs) or not (finite or self._weights_are_finite(None if state is None else values)):
                wrong = number
                break
        self._restore(good, state)
        data, self._since = self._since[wrong], []
        self.model.stop_training = True
        self.broken(self._copied_at + wrong + 1, keras_internals.on_one_device(data))
        return True if state is None else good

    def _weights_are_finite(self, state: Any) -> bool:
        weights = self.model.trainable_variables if state is None else state[0]
        arrays = (array_of(one) for one in weights)
        return all(array.dtype.kind != "f" or bool(np.isfinite(array).all()) for array in arrays if array is not None)

    def _copied(self, state: Any) -> Any:
        """A copy of the state: on JAX of what the step receives, elsewhere of each variable and the random numbers."""
        if self._backend == "jax":
            return tuple([keras_internals.copied(value) for value in group] for group in state)
        return Snapshot(all_variables(self.model))

    def _restore(self, copy: Any, state: Any) -> None:
        if state is not None:
            self._hold(copy)
            return
        copy.restore()

    def _hold(self, state: Any) -> None:
        """On JAX, give the variables the values that the step will receive: `fit` keeps them outside of the model."""
        if state is not None:
            for group, values in zip(keras_internals.train_variables(self.model), state, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)

    def _state(self) -> Any:
        return keras_internals.train_state(self.model)


def _finite(logs: Any) -> bool:
    """Whether no number in the logs of a step is NaN or infinite."""
    if not isinstance(logs, dict):
        return True
    for value in keras.tree.flatten(logs):
        try:
            number = float(keras.ops.convert_to_numpy(value))
        except (TypeError, ValueError):
            continue
        if not math.isfinite(number):
            return False
    return True


def batch_of(data: Any, rows: int | None) -> Batch:
    """A batch as `fit` hands it to a step."""
    return take(iter([data]), rows)


# -- what moved -------------------------------------------------------------------------------------------------


class Sums:
    """Checksums of the variables of a model, to tell later which have moved."""

    def __init__(self, variables: Iterable[Any]) -> None:
        self.before = {id(one): (one, _sum(one)) for one in variables}

    def movement(self, graph: ModelGraph, steps: int, broken: int | None) -> Movement:
        moved: set[str] = set()
        still: set[str] = set()
        for variable in graph.variables.values():
            known = self.before.get(id(variable.obj))
            if known is not None:
                (moved if _sum(known[0]) != known[1] else still).add(variable.id)
        return Movement(steps=steps, moved=frozenset(moved), still=frozenset(still), step=broken)


def _sum(variable: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(keras_internals.numbers(variable)).tobytes())
