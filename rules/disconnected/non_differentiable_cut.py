"""D005: trainable layers that no gradient of the loss can reach."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.gradients import carries_gradient, cuts_gradient, gradient_reach, value_reach
from graphlint.questions.losses import losses, losses_added


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
        compiled = losses(graph)
        if compiled is None:
            return
        varying = value_reach(graph, graph.inputs)
        covered = [one.output for one in compiled if one.loss is not None and one.output.call in varying]
        added = losses_added(graph)
        reached = gradient_reach(graph, covered, added)
        influential = graph.ancestors({tensor.call for tensor in covered})
        behind = [
            call
            for call in graph.calls
            if call in influential and call not in reached and not graph.layer(call).is_input
        ]
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
            count = f"{len(layers)} layers" if len(layers) > 1 else "one layer"
            size = sum(layers.values())
            yield Problem(
                f"{what} lets no gradient through: {count} before it with {size:,} trainable parameters never learn",
                cuts[0],
                "Use a differentiable form, or x + ops.stop_gradient(f(x) - x); freeze the layers if they should rest.",
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
