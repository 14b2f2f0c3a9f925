"""A016: three or more sigmoid layers in a row."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.heads import activation_of, applies_alone, innermost, units

_SIGMOIDS = ("sigmoid", "hard_sigmoid")
_FEW = 4
_BETWEEN = (Family.DROPOUT, Family.NOISE, Family.IDENTITY, Family.POOLING, Family.RESHAPING, Family.PADDING)


class StackedSigmoids(Rule):
    """Three or more layers with a sigmoid, one after another.

    ## What it does
    Reports chains of three or more Dense layers or convolutions with a sigmoid, each of which only the next one uses,
    with nothing in between but dropout, pooling and reshapes.

    ## Why is this bad?
    The derivative of a sigmoid is at most 0.25, so that each layer passes on at most a quarter of the gradient, times
    its weights: with three and more, the first layers hardly learn. All that comes out is positive, too, which pushes
    the weights of the next layer in one direction.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="sigmoid"),
            layers.Dense(16, activation="sigmoid"),
            layers.Dense(4, activation="sigmoid"),
        ]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(4, activation="sigmoid"),
        ]
    )
    ```

    ## Fix
    Unsafe: the hidden layers of the chain get a relu in place of the sigmoid; the last one keeps its own. Train the
    model afterwards. Offered where each of these layers stands in the model itself.

    ## Not reported
    Normalisation in between, which keeps sigmoids from saturating; skip connections and gates (something else uses the
    value as well); hidden layers of fewer than 4 units, as in networks for XOR; recurrent layers; tanh.

    ## References
    AUTOTRAINER (ICSE 2021); Stack Overflow 39217567, 58609115
    """

    code = "A016"
    name = "stacked-sigmoids"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        following = {call: found for call in graph.calls if (found := _next(graph, call)) is not None}
        inside = set(following.values())
        told: set[str] = set()
        for first in following:
            if first in inside or graph.calls[first].layer in told:
                continue
            chain = [first]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            widths = [units(innermost(graph, graph.layer(call))) for call in chain]
            if len(chain) < 3 or any(width is not None and width < _FEW for width in widths[:-1]):
                continue
            told.add(graph.calls[first].layer)
            yield Problem(
                f"{len(chain)} layers in a row end in a sigmoid, which passes on at most a quarter of the gradient: "
                f"{0.25 ** len(chain):.2g} of it is left before the first",
                first,
                'Write activation="relu" (or another that does not saturate) in the hidden layers.',
                related=tuple(chain[1:]),
                fix=_rectified(graph, chain[:-1]),
            )


def _rectified(graph: ModelGraph, hidden: list[str]) -> Fix | None:
    layers = [graph.layer(found) for call in hidden if (found := _sigmoid(graph, call)) is not None]
    if not all("activation" in layer.config and graph.called_directly(layer.path) for layer in layers):
        return None
    edits = [Configure(layer=path, config={"activation": "relu"}) for path in dict.fromkeys(one.path for one in layers)]
    return Fix.unsafe("write relu in the hidden layers", "these layers return what a relu of theirs does", *edits)


def _sigmoid(graph: ModelGraph, call: str) -> str | None:
    """The call after which the values of a layer with weights are those of its sigmoid; None for other layers."""
    layer = innermost(graph, graph.layer(call))
    if layer.traits.family not in (Family.DENSE, Family.CONVOLUTION):
        return None
    activation = activation_of(graph, call)[0]
    if activation in _SIGMOIDS:
        return call
    if activation != "linear":
        return None
    consumers = graph.consumers(Tensor(call, 0))
    if len(consumers) != 1 or not applies_alone(graph, consumers[0].target):
        return None
    target = consumers[0].target
    return target if activation_of(graph, target)[0] in _SIGMOIDS else None


def _next(graph: ModelGraph, call: str) -> str | None:
    """The next layer with a sigmoid, if it alone uses this one."""
    here = _sigmoid(graph, call)
    while here is not None:
        tensor = Tensor(here, 0)
        consumers = graph.consumers(tensor)
        if len(consumers) != 1 or graph.is_output(tensor):
            return None
        target = consumers[0].target
        if _sigmoid(graph, target) is not None:
            return target
        here = target if graph.layer(target).traits.family in _BETWEEN else None
    return None
