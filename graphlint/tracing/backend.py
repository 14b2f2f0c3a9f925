"""What tracing needs from a backend. Everything else in this package is the same for all backends."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras

from graphlint.model.definition import TensorSpec


class Size:
    """Stands for a number that depends on the size of a free dimension, where it is known from two runs alone."""

    def __repr__(self) -> str:
        return "a size"


@dataclass(slots=True)
class Sources:
    """What a tensor is made from: the result of going back from it to tensors that are known.

    ``tensors`` are the known tensors reached, in the order of the arguments; ``variables`` what variables are read (a
    ``keras.Variable``, or another object where the variable is none of the model's); ``operations`` the names of what
    was crossed; ``is_random`` whether something crossed gives a different result each time.
    """

    tensors: list[Any] = field(default_factory=list)
    variables: list[Any] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    is_random: bool = False


class Trace(Protocol):
    """One abstract run, from inside which tensors come.

    Tensors are compared by identity, so two different tensors must be two objects, and one tensor one object.
    """

    is_eager: bool
    """Whether code runs operation by operation: tensors may be written in place, and functions of Keras itself that
    cannot run without numbers raise."""

    def running(self) -> AbstractContextManager[None]:
        """A context in which the backend tells the trace what it does."""

    def is_here(self) -> bool:
        """Whether the code that runs now runs in this trace."""

    def place(self) -> Any:
        """Where the code that runs now puts its operations: another place inside each loop, condition or function."""

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is a tensor of this trace, and not a number that is known."""

    def is_size(self, value: Any) -> bool:
        """Whether a value stands for the size of a dimension that is free, or for what code computed of one."""

    def now(self, tensor: Any) -> Any:
        """A tensor as it is now: another object than before where it was written in place."""

    def distinct(self, tensor: Any) -> Any:
        """The same tensor as a separate object, with the same mask."""

    def unknown(self, tensor: keras.KerasTensor) -> Any:
        """A tensor of the shape and dtype of a symbolic one, of which nothing else is known."""

    def spec(self, tensor: Any) -> TensorSpec:
        """Shape and dtype of a tensor."""

    def value(self, tensor: Any) -> Any | None:
        """The numbers of a tensor that does not depend on any input, if they are known and few."""

    def operators(self) -> Iterator[type]:
        """The classes whose Python operators (``x + y``, ``x[0]``) make new tensors."""

    def sources(self, tensor: Any, known: Container[int], variables: Callable[[Any], Any]) -> Sources:
        """Go back from a tensor as far as the tensors whose ids are ``known``.

        The shape of a tensor is no source: only what its numbers depend on. ``variables`` finds the ``keras.Variable``
        for what stands for one in the backend.
        """
