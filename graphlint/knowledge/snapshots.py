"""Variables, and what the backend draws random numbers from, as they are at one time: to be put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from graphlint.knowledge import keras_internals


class Snapshot:
    """The values of variables, and the state of the backend's own random numbers if layers draw from these."""

    def __init__(self, variables: Iterable[Any]) -> None:
        self._values = [(one, keras_internals.numbers(one)) for one in variables]
        self._random = keras_internals.backend_random_state()

    def restore(self) -> None:
        """Give the variables their values again, and the backend its state."""
        for variable, value in self._values:
            variable.assign(value)
        keras_internals.set_backend_random_state(self._random)

    @contextmanager
    def again(self) -> Iterator[None]:
        """A context that starts from this state, and after which everything is as it was before the context."""
        before = Snapshot(variable for variable, _ in self._values)
        self.restore()
        try:
            yield
        finally:
            before.restore()
