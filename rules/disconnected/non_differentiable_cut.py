"""D005."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.gradients import carries_gradient, cuts_gradient, gradient_reach, value_reach
from graphlint.questions.losses import losses, losses_added


class NonDifferentiableCut(Rule):
    """Every path from trainable layers to the loss goes through something that has no gradient.

    ## What it does
    Follows the gradient back from the outputs that have a compiled loss. It ends at `argmax`, `round`, `sign`, `floor`,
    comparisons, `stop_gradient`, at every tensor of integers or booleans, and at a LayerNormalization over an axis of
    size 1. Reports trainable layers that influence a loss and that no gradient reaches.

    ## Why is this bad?
    The layers behind the cut never learn. Training runs, the loss goes down as far as the rest of the model can take
    it, and nothing says that part of the model stands still.

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
    - straight-through estimators, where another path goes around the cut;
    - outputs without a loss, such as a predicted class for serving, and outputs that no input changes (D006);
    - frozen layers, and layers that feed one which may add a loss of its own;
    - models that are not compiled, or of a class of their own.

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
                f"{what} lets no gradient through: {count} behind it with {size:,} trainable parameters never learn",
                cuts[0],
                "Use a differentiable form, or x + ops.stop_gradient(f(x) - x); freeze the layers if they should rest.",
                (*layers, *cuts[1:]),
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
