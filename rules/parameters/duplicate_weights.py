"""P002: variables with byte-for-byte equal values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Share
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph
from graphlint.questions.equal_weights import LEAST_ELEMENTS, equal, interchangeable
from graphlint.questions.statistics import statistics

if TYPE_CHECKING:
    from graphlint.model.graph import Variable

_COPY = re.compile(r"(?:^|[/_.\- ])(?:ema|average|averaged|target|teacher|student|frozen|old|copy|momentum)", re.I)
"""Parts of the names of deliberate copies."""

_MOST = 64
"""How many different variables with the same extremes are compared; hostile files can contain any number."""


class DuplicateWeights(Rule):
    """Different variables hold exactly the same values.

    ## What it does
    Compares variables of equal shape and dtype with at least 256 elements, byte by byte, reading only up to the first
    difference.

    ## Why is this bad?
    Trained values are never equal by chance. Layers that were shared have been separated (`clone_model`, an old `.h5`),
    or one was copied into the other and neither trained since: they take twice the space and diverge when trained.

    ## Example
    ```python
    inputs = keras.Input((16,))
    x = layers.ReLU()(layers.Dense(16, use_bias=False, name="first")(inputs))
    model = keras.Model(inputs, layers.Dense(16, use_bias=False, name="second")(x))
    model.get_layer("second").set_weights(model.get_layer("first").get_weights())
    ```

    ## Use instead
    ```python
    inputs = keras.Input((16,))
    dense = layers.Dense(16, use_bias=False, name="dense")
    model = keras.Model(inputs, dense(layers.ReLU()(dense(inputs))))
    ```

    ## Fix
    Unsafe: if layers, or the nested models that contain them, are equal throughout and belong to the same model, the
    first is used in all places, and trains as one. Outputs stay equal. Otherwise call one layer in both places in code,
    if they were meant to be one.

    ## Not reported
    - constant variables, such as zeros and ones, and small ones;
    - copies by name: exponential moving averages, target and teacher networks;
    - the table of an Embedding and the kernel of a Dense (S007), and layers of one name in an `.h5` file (S002).

    ## References
    keras-team/keras#18419
    """

    code = "P002"
    name = "duplicate-weights"
    severity = Severity.INFO
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[tuple[str | None, ...], list[tuple[Variable, ...]]] = {}
        for equals in self.equal_variables(graph):
            layers = tuple(variable.layer for variable in equals)
            parents = tuple(graph.layers[layer].parent for layer in layers)
            groups.setdefault(parents if len(set(parents)) == len(parents) else layers, []).append(equals)
        for several in groups.values():
            first = several[0]
            size = sum(equals[0].size for equals in several)
            copies = "a copy" if len(first) == 2 else f"{len(first) - 1} copies"
            count = f"{len(several)} variables" if len(several) > 1 else f"{first[0].slot} {list(first[0].shape)}"
            yield Problem(
                f"{count} ({size:,} values) {'have' if len(several) > 1 else 'has'} {copies} elsewhere, equal byte "
                "for byte",
                first[0].id if len(several) == 1 else first[0].layer,
                "Call one layer in all of these places if they were meant to be one.",
                related=tuple(variable.id for equals in several for variable in equals[1:]),
                fix=_shared(graph, first),
            )

    @staticmethod
    def equal_variables(graph: ModelGraph) -> Iterator[tuple[Variable, ...]]:
        collisions: dict[tuple[tuple[int, ...], str], list[Variable]] = {}
        for variable in graph.variables.values():
            if variable.size >= LEAST_ELEMENTS and not _COPY.search(variable.layer):
                collisions.setdefault((variable.shape, variable.dtype), []).append(variable)
        for candidates in collisions.values():
            if len(candidates) < 2:
                continue
            ranges: dict[object, list[list[Variable]]] = {}
            for variable in candidates:
                numbers = statistics(graph, variable)
                if numbers is None or numbers.minimum is None or numbers.constant:
                    continue
                classes = ranges.setdefault(numbers, [])
                match = next((one for one in classes[:_MOST] if _comparable(graph, one[0], variable)), None)
                if match is None:
                    classes.append([variable])
                else:
                    match.append(variable)
            for classes in ranges.values():
                for one in classes:
                    if len(one) > 1:
                        yield tuple(one)


def _shared(graph: ModelGraph, equals: tuple[Variable, ...]) -> Fix | None:
    """Replaces all with one layer, or one nested model that contains it, if they are equal throughout."""
    places = [one.layer for one in equals]
    while all(path != ROOT for path in places):
        keep, *others = dict.fromkeys(places)
        if others and all(interchangeable(graph, keep, other) for other in others):
            if not all(graph.container_calls(path) or graph.called_directly(path) for path in (keep, *others)):
                return None
            edits = [Share(keep=keep, drop=other) for other in others]
            return Fix.unsafe("use the first in all places", "all places train as one", *edits)
        places = [graph.layers[path].parent or ROOT for path in places]
    return None


def _comparable(graph: ModelGraph, first: Variable, second: Variable) -> bool:
    one, other = graph.layers[first.layer], graph.layers[second.layer]
    if {one.class_name, other.class_name} == {"Embedding", "Dense"}:
        return False
    if graph.definition.format == Format.H5 and one.name == other.name and one.parent != other.parent:
        return False
    return equal(first, second)
