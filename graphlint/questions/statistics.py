"""Statistics of the stored values of a variable: one pass over its bytes, however many rules ask."""

from __future__ import annotations

import contextlib
import math
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphlint.errors import LimitError, UnreadableError
from graphlint.model.graph import ModelGraph, Variable

if TYPE_CHECKING:
    import numpy as np

    from graphlint.model.definition import Values, VariableDefinition


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers of one variable. ``first_nonfinite`` is the flat index of the first NaN or infinity.

    ``minimum`` and ``maximum`` are those of the finite numbers, and None if there is none.
    """

    count: int
    nan: int = 0
    infinite: int = 0
    first_nonfinite: int | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def nonfinite(self) -> int:
        return self.nan + self.infinite

    @property
    def constant(self) -> bool:
        """Whether all elements are equal, and finite."""
        return self.nonfinite == 0 and self.minimum is not None and self.minimum == self.maximum


@dataclass(slots=True)
class Asked:
    """What was asked of the numbers of a model, with the answers."""

    statistics: dict[str, Statistics] = field(default_factory=dict)
    """By variable."""
    only: dict[tuple[int, float], bool] = field(default_factory=dict)
    """By identity of the numbers and a number: whether that is all they are."""
    scalars: dict[int, int | float] = field(default_factory=dict)
    """By identity of the numbers."""

    def update(self, other: Asked) -> None:
        """Add what was asked before."""
        self.statistics |= other.statistics
        self.only |= other.only
        self.scalars |= other.scalars


_asked: weakref.WeakKeyDictionary[ModelGraph, Asked] = weakref.WeakKeyDictionary()


def asked(graph: ModelGraph) -> Asked:
    """What was asked of the numbers of a graph so far. The identities are those of its definition."""
    return _asked.setdefault(graph, Asked())


def statistics(graph: ModelGraph, variable: Variable) -> Statistics | None:
    """The statistics of a variable; None if its numbers are not known."""
    if variable.values is None or graph.definition.depth != "weights":
        return None
    known = asked(graph).statistics
    found = known.get(variable.id)
    if found is None:
        found = known[variable.id] = _measure(variable)
    return found


def measure(graph: ModelGraph) -> None:
    """Measure every variable, in the order in which a file holds them: one pass for all rules that ask later.

    What cannot be read is left to the rules, which then say so.
    """
    known = asked(graph).statistics
    waiting = [
        (variable.values.position, variable)
        for variable in graph.variables.values()
        if variable.values is not None and variable.id not in known
    ]
    waiting.sort(key=lambda item: item[0])
    for _, variable in waiting:
        with contextlib.suppress(UnreadableError, LimitError):
            known[variable.id] = _measure(variable)


def training_steps(graph: ModelGraph) -> int | None:
    """How many steps the model was trained, by its optimizer's first variable; None if that is not known."""
    variables = graph.optimizer.variables if graph.optimizer is not None else []
    if not variables or variables[0].shape != () or not variables[0].dtype.startswith(("int", "uint")):
        return None
    found = stored_number(graph, variables[0])
    return None if found is None else int(found)


def stored_number(graph: ModelGraph, variable: VariableDefinition) -> int | float | None:
    """The one number of a variable; None if it is not known, or there are several.

    Raises:
        UnreadableError: it is damaged.
    """
    values = variable.values
    if values is None or math.prod(variable.shape) != 1:
        return None
    known = asked(graph).scalars
    if id(values) not in known:
        known[id(values)] = values.read().reshape(()).item()
    return known[id(values)]


def holds_only(graph: ModelGraph, variable: VariableDefinition, number: float) -> bool:
    """Whether a variable is known to hold nothing but a number; reads until the first one that differs.

    Raises:
        UnreadableError: it is damaged.
    """
    values = variable.values
    if values is None:
        return False
    known = asked(graph).only
    found = known.get((id(values), number))
    if found is None:
        found = known[id(values), number] = _is_only(values, number)
    return found


def _is_only(values: Values, number: float) -> bool:
    seen = False
    for chunk in values.chunks():
        seen = seen or chunk.size > 0
        if (chunk != chunk.dtype.type(number)).any():
            return False
    return seen


def note(graph: ModelGraph, variable: Variable, found: Statistics) -> None:
    """Record the statistics of a variable whose numbers were read for something else."""
    asked(graph).statistics[variable.id] = found


def known(graph: ModelGraph, variable: Variable) -> Statistics | None:
    """The statistics of a variable, if they were measured before."""
    return asked(graph).statistics.get(variable.id)


def _measure(variable: Variable) -> Statistics:
    assert variable.values is not None
    found = Measuring()
    for chunk in variable.values.chunks():
        found.add(chunk)
    return found.result()


class Measuring:
    """The statistics of numbers that come piece by piece."""

    def __init__(self) -> None:
        self.count = self.nan = self.infinite = 0
        self.first: int | None = None
        self.low: float | None = None
        self.high: float | None = None

    def add(self, chunk: np.ndarray) -> None:
        """Count in the next numbers, in the order in which they are stored."""
        import numpy as np

        flat = _numbers(chunk)
        if flat is None or flat.size == 0:
            self.count += chunk.size
            return
        with np.errstate(invalid="ignore", over="ignore"):
            low, high = flat.min(), flat.max()
            if flat.dtype.kind in "fc" and not np.isfinite(low + high):
                bad = ~np.isfinite(flat)
                if bad.any():
                    if self.first is None:
                        self.first = self.count + int(bad.argmax())
                    missing = int(np.isnan(flat).sum())
                    self.nan += missing
                    self.infinite += int(bad.sum()) - missing
                    flat = flat[~bad]
                    if flat.size:
                        low, high = flat.min(), flat.max()
        self.count += chunk.size
        if flat.size:
            self.low = float(low) if self.low is None else min(self.low, float(low))
            self.high = float(high) if self.high is None else max(self.high, float(high))

    def result(self) -> Statistics:
        """What was counted so far."""
        return Statistics(self.count, self.nan, self.infinite, self.first, self.low, self.high)


def _numbers(chunk: np.ndarray) -> np.ndarray | None:
    """A chunk as real numbers that numpy can compare; None for text and the like."""
    if chunk.dtype.kind == "c":
        return chunk.view(chunk.real.dtype)
    if chunk.dtype.kind in "biuf":
        return chunk
    try:
        return chunk.astype("float32")  # bfloat16 and the float8 types of ml_dtypes
    except (TypeError, ValueError):
        return None
