"""S005: towers that share all their layers with weights except one."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Share
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import innermost
from graphlint.questions.towers import towers


class PartlySharedTowers(Rule):
    """Two towers share all their layers with weights except one.

    ## What it does
    Finds parts of the graph that repeat with the same layers on another input and compares them call by call. Fires if
    two or more layers with weights are shared and exactly one pair with equal configuration is not.

    ## Why is this bad?
    A siamese network compares the outputs of its towers for two inputs, which only works if both towers compute the
    same function. A layer that is created inside the function that builds a tower, instead of before it, silently
    breaks this.

    ## Example
    ```python
    first = layers.Dense(8, activation="relu", name="first")
    last = layers.Dense(8, name="last")

    def tower(x):
        return last(layers.Dense(8, activation="relu")(first(x)))

    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    model = keras.Model([a, b], layers.Dot(axes=-1)([tower(a), tower(b)]))
    ```

    ## Use instead
    ```python
    first = layers.Dense(8, activation="relu", name="first")
    middle = layers.Dense(8, activation="relu", name="middle")
    last = layers.Dense(8, name="last")

    def tower(x):
        return last(middle(first(x)))

    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    model = keras.Model([a, b], layers.Dot(axes=-1)([tower(a), tower(b)]))
    ```

    ## Fix
    Unsafe: the layer of the first tower is called in both, and the weights of the second are lost. To keep those
    instead, create the layer once, outside the function that builds a tower, and load them into it.

    ## Not reported
    - normalisation layers, which are kept separate deliberately (keras-team/keras#8605);
    - towers in which several layers differ;
    - heads: a last layer that differs, if the towers are not combined afterwards.
    """

    code = "S005"
    name = "partly-shared-towers"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        own: dict[str, list[str]] = {}
        leaders: dict[str, str] = {}
        between: dict[str, list[str]] = {}
        for found in towers(graph):
            shared: list[int] = []
            differing: list[tuple[int, str, str]] = []
            for place, (one, other) in enumerate(found.pairs):
                first, second = graph.layer(one), graph.layer(other)
                if (innermost(graph, first).class_name or "").endswith("Normalization"):
                    continue
                if not graph.variables_below(first.path):
                    continue
                if first is second:
                    shared.append(place)
                else:
                    differing.append((place, first.path, second.path))
            if len(shared) < 2 or len(differing) != 1:
                continue
            place, one, other = differing[0]
            if not found.merged and not shared[0] < place < shared[-1]:
                continue
            leader = leaders.setdefault(one, leaders.get(other, one))
            if leaders.setdefault(other, leader) == leader and other not in own.setdefault(leader, [leader]):
                own[leader].append(other)
            here = [graph.calls[found.pairs[index][0]].layer for index in shared]
            between[leader] = [path for path in between.get(leader, here) if path in here]
        for leader, members in own.items():
            layers = list(dict.fromkeys(between[leader]))
            yield Problem(
                f"{len(members)} towers share {len(layers)} layers with weights, and each has its own "
                f"{graph.layers[leader].class_name} with the same configuration here",
                leader,
                "Create this layer once and call it in all towers, like the others.",
                related=(*members[1:], *layers),
                fix=_shared(graph, *members) if len(members) == 2 else None,
            )


def _shared(graph: ModelGraph, one: str, other: str) -> Fix | None:
    if graph.layers[one].parent != graph.layers[other].parent:
        return None
    if not all(graph.called_directly(path) for path in (one, other)):
        return None
    edit = Share(keep=one, drop=other)
    return Fix.unsafe("call the first of the two in both towers", "the weights of the second are lost", edit)
