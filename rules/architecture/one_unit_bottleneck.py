"""A015: a hidden layer of one unit."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.heads import last_size

_BETWEEN = (Family.DROPOUT, Family.NOISE, Family.NORMALIZATION, Family.ACTIVATION, Family.IDENTITY, Family.INPUT)
_PRODUCTS = frozenset({"Multiply", "Dot", "Matmul", "Einsum", "Divide", "TrueDivide"})


class OneUnitBottleneck(Rule):
    """A hidden Dense layer of one unit, through which everything has to pass.

    ## What it does
    Reports a Dense layer of one unit that receives more than one number and whose output only other Dense layers use.
    It is an info if they have one unit as well and only rescale it.

    ## Why is this bad?
    All that the model learns about a sample has to fit into one number, and layers after it, however wide, compute
    functions of that number. With a relu, a unit that is 0 for every sample stops the training of all layers before it.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    ```

    ## Fix
    None: how many units the layer needs is for the author to say.

    ## Not reported
    A layer that receives a single number; one value per step or position; gates, scores and squeezed channels (a
    product uses them in the end); the latent value of an autoencoder (a model that returns what it receives, or a
    layer whose value a model returns); a value that something other than a Dense layer uses as well.

    ## References
    Humbatova et al. (ICSE 2020), "suboptimal number of neurons in the layer"; Stack Overflow 50306988
    """

    code = "A015"
    name = "one-unit-bottleneck"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if layer.traits.name != "Dense" or layer.config.get("units") != 1 or layer.path in told:
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            wide = last_size(graph, sources[0]) if len(sources) == 1 else None
            if wide is None or wide < 2 or (shape is not None and len(shape) != 2):
                continue
            users = _users(graph, call.id)
            if not users or any(graph.layer(user).traits.name != "Dense" for user in users):
                continue
            if _multiplied(graph, users) or _returns_its_input(graph):
                continue
            told.add(layer.path)
            units = [graph.layer(user).config.get("units") for user in users]
            names = ", ".join(repr(graph.layer(user).name) for user in users[:3])
            yield Problem(
                f"one unit of {wide} inputs is all that {names} receives",
                call.id,
                "Give the layer more units, such as units=8, or remove it.",
                related=tuple(users),
                severity=Severity.INFO if all(one == 1 for one in units) else Severity.WARNING,
            )


def _users(graph: ModelGraph, call: str) -> list[str]:
    """What uses a result in the end; nothing where some model returns it."""
    found: dict[str, None] = {}
    stack, passed = [call], {call}
    while stack:
        tensor = Tensor(stack.pop(), 0)
        if tensor in graph.returned:
            return []
        for edge in graph.consumers(tensor):
            target = graph.layer(edge.target)
            between = target.traits.family in _BETWEEN or target.operation.applies is not None
            if between and edge.target not in passed:
                stack.append(edge.target)
                passed.add(edge.target)
            elif not between:
                found[edge.target] = None
    return list(found)


def _multiplied(graph: ModelGraph, users: list[str]) -> bool:
    """Whether a product lies after some layers: a gate, or weights of channels."""
    reached = graph.descendants(users)
    names = map(graph.layer, reached)
    return any((layer.traits.name or layer.operation.name) in _PRODUCTS for layer in names)


def _returns_its_input(graph: ModelGraph) -> bool:
    """Whether some output has the shape of an input."""
    shapes = [graph.calls[one].outputs[0].shape for one in graph.inputs]
    return any(graph.spec(output).shape in shapes for output in graph.outputs)
