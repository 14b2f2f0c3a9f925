"""What made a tensor, noted while it is made: for backends that keep no graph to look it up in."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.tracing.backend import Sources

_LONGEST = 200
"""Steps between a constant and the numbers that it is made of."""


@dataclass(eq=False, slots=True)
class Made:
    """One operation of the backend: what it read, and how it is run again on other numbers."""

    name: str
    inputs: list[Any]
    """The tensors that it read, and objects that stand for variables."""
    again: Callable[[Callable[[Any], Any]], Any] | None = None
    """Runs it again with each tensor replaced, and returns all that it returns; None if that is not known."""
    place: int = 0
    """Which of the tensors that it returns this one is."""
    is_random: bool = False


@dataclass(eq=False)
class Provenance:
    """What is known of the tensors of one trace, by id; they are held, so that no other gets one of these ids."""

    made: dict[int, Made] = field(default_factory=dict)
    reads: dict[int, keras.Variable] = field(default_factory=dict)
    """The variable that an object stands for."""
    held: list[Any] = field(default_factory=list)

    def read(self, value: Any, variable: keras.Variable) -> None:
        """Note that an object stands for a variable."""
        self.reads[id(value)] = variable
        self.held.append(value)

    def sources(
        self,
        tensor: Iterable[Any],
        known: Container[int],
        same: Container[str],
        unmade: Callable[[Any], Made | None],
        variables: Callable[[Any], Any],
    ) -> Sources:
        """Go back from tensors as `graphlint.tracing.backend.Trace.sources` says.

        ``same`` are the operations that return what they receive. ``unmade`` says what made a tensor that no operation
        returned, such as what a loop hands to its code; None for what the run itself receives.
        """
        found = Sources()
        seen: set[int] = set()
        crossed: set[int] = set()
        stack = list(tensor)[::-1]
        while stack:
            one = stack.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            if id(one) in known:
                found.tensors.append(one)
                continue
            variable = self.reads.get(id(one))
            if variable is None and isinstance(standing := variables(one), keras_internals.VARIABLE):
                variable = standing
            if variable is not None:
                if id(variable) not in seen:
                    seen.add(id(variable))
                    found.variables.append(variable)
                continue
            made = self.made.get(id(one)) or unmade(one)
            if made is None:
                found.tensors.append(one)
                continue
            if made.name not in same and id(made) not in crossed:
                crossed.add(id(made))
                found.operations.append(made.name)
            found.is_random |= made.is_random
            stack += made.inputs[::-1]
        return found

    def computed(self, tensor: Any, given: Callable[[Any], Any | None], steps: int = _LONGEST) -> Any:
        """The numbers of a tensor, from those of others: ``given`` has those that are known, and None for others.

        Raises:
            LookupError: the tensor depends on what is not given, or something on the way cannot be run again.
        """
        values: dict[int, Any] = {}
        results: dict[int, Any] = {}
        stack = [tensor]
        for _ in range(steps * 20):
            if not stack:
                return values[id(tensor)]
            one = stack[-1]
            known = given(one)
            if known is not None:
                values[id(stack.pop())] = known
                continue
            made = self.made.get(id(one))
            if made is None or made.again is None or made.is_random:
                raise LookupError("a tensor depends on what is not given" if made is None else made.name)
            missing = [other for other in made.inputs if id(other) not in values and id(other) != id(one)]
            if missing:
                stack += missing
                continue
            key = id(made.again)
            if key not in results:
                results[key] = made.again(lambda leaf: values.get(id(leaf), leaf))
            result = results[key]
            values[id(stack.pop())] = result[made.place] if isinstance(result, (list, tuple)) else result
        raise LookupError("a constant is made in too many steps")


def few(value: Any, most: int) -> Any | None:
    """An array as numbers, if they are known and not many."""
    array = np.asarray(value)
    return array if array.size <= most else None
