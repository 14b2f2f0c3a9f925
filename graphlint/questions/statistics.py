"""Statistics of the stored values of a variable: one pass over its bytes, however many rules ask."""

from __future__ import annotations

import contextlib
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlint.errors import LimitError, UnreadableError
from graphlint.model.graph import ModelGraph, Variable

if TYPE_CHECKING:
    import numpy as np


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


_known: weakref.WeakKeyDictionary[ModelGraph, dict[str, Statistics]] = weakref.WeakKeyDictionary()


def statistics(graph: ModelGraph, variable: Variable) -> Statistics | None:
    """The statistics of a variable; None if its numbers are not known."""
    if variable.values is None:
        return None
    known = _known.setdefault(graph, {})
    found = known.get(variable.id)
    if found is None:
        found = known[variable.id] = _measure(variable)
    return found


def measure(graph: ModelGraph) -> None:
    """Measure every variable, in the order in which a file holds them: one pass for all rules that ask later.

    What cannot be read is left to the rules, which then say so.
    """
    known = _known.setdefault(graph, {})
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
    values = variables[0].values
    return None if values is None else int(values.read().reshape(()))


def _measure(variable: Variable) -> Statistics:
    import numpy as np

    assert variable.values is not None
    count = nan = infinite = 0
    first: int | None = None
    lows: list[float] = []
    highs: list[float] = []
    with np.errstate(invalid="ignore", over="ignore"):
        for chunk in variable.values.chunks():
            flat = _numbers(chunk)
            if flat is None or flat.size == 0:
                count += chunk.size
                continue
            low, high = flat.min(), flat.max()
            if flat.dtype.kind in "fc" and not np.isfinite(low + high):
                bad = ~np.isfinite(flat)
                if bad.any():
                    if first is None:
                        first = count + int(bad.argmax())
                    missing = np.isnan(flat)
                    nan += int(missing.sum())
                    infinite += int(bad.sum()) - int(missing.sum())
                    flat = flat[~bad]
                    if flat.size:
                        low, high = flat.min(), flat.max()
            count += chunk.size
            if flat.size:
                lows.append(float(low))
                highs.append(float(high))
    return Statistics(count, nan, infinite, first, min(lows, default=None), max(highs, default=None))


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
