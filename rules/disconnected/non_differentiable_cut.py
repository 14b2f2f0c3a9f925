"""D005: trainable layers that no gradient of the loss can reach."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.gradients import NORMALISES_ONE, carries_gradient, cuts_gradient, normalises_one
from graphlint.questions.losses import cut_off


class NonDifferentiableCut(Rule):
    """Every path from trainable layers to the loss passes through an operation without a gradient.

    ## What it does
    Follows the gradient back from the outputs that have a compiled loss. It stops at `argmax`, `round`, `sign`,
    `floor`, comparisons, `stop_gradient`, at every tensor of integers or booleans, and at a LayerNormalization over an
    axis of size 1. Reports trainable layers that influence a loss but receive no gradient from it.

    ## Why is this bad?
    The layers before that operation never learn. Training runs, the loss decreases as far as the rest of the model
    allows, and nothing shows that part of the model does not train.

    ## Example
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, name="features")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(ops.round(x)))
    model.compile(loss="mse")
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, name="features")(inputs)
    x = x + ops.stop_gradient(ops.round(x) - x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile(loss="mse")
    ```

    ## Fix
    None: use a soft version (`softmax` for `argmax`, `sigmoid` for a threshold), or the straight-through estimator
    `x + ops.stop_gradient(ops.round(x) - x)`. Freeze the layers if they are not meant to train.

    ## Not reported
    - straight-through estimators, in which another path bypasses the operation;
    - outputs without a loss, such as a class index for serving, and outputs that no input can change (D006);
    - frozen layers, and layers that feed one that may add its own loss;
    - models that are not compiled, and custom model classes.

    ## References
    keras-team/keras#12521
    """

    code = "D005"
    name = "non-differentiable-cut"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        behind, reached = cut_off(graph)
        for members in graph.components(behind):
            inside = set(members)
            layers: dict[str, int] = {}
            for path in dict.fromkeys(graph.calls[call].layer for call in members):
                if not any(site in reached for site in graph.call_sites(path)):
                    size = sum(v.size for v in graph.variables_below(path) if trained(graph, v))
                    if size:
                        layers[path] = size
            if not layers:
                continue
            cuts = _cuts(graph, members, inside)
            what = graph.layer(cuts[0]).class_name or graph.layer(cuts[0]).name
            hint = (
                "Use a differentiable form, or x + ops.stop_gradient(f(x) - x); freeze the layers if they should rest."
            )
            if normalises_one(graph, cuts[0]):
                what += " over an axis of size 1, which gives its offset whatever it receives,"
                hint = NORMALISES_ONE
            count = f"{len(layers)} layers" if len(layers) > 1 else "one layer"
            size = sum(layers.values())
            yield Problem(
                f"{what} lets no gradient through: {count} before it with {size:,} trainable parameters never learn",
                cuts[0],
                hint,
                related=(*layers, *cuts[1:]),
            )


def _cuts(graph: ModelGraph, members: list[str], inside: set[str]) -> list[str]:
    """The calls where the gradient stops on its way to the members."""
    found: dict[str, None] = {}
    for call in members:
        for edge in graph.out_edges(call):
            if edge.target not in inside:
                found[call if not carries_gradient(edge) else edge.target] = None
            elif cuts_gradient(graph, edge.target):
                found[edge.target] = None
    return list(found) or [members[-1]]
