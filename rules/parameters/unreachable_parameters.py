"""P004: parameters from which no path leads to an output."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import DropVariables, Prune
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.model.parameters import trained
from graphlint.questions.losses import losses_added, stock_model
from graphlint.questions.unreached import dead_branches, uncalled_layers


class UnreachableParameters(Rule):
    """Parameters influence no output.

    ## What it does
    Counts the parameters from which no path leads to an output, and their share of the model.

    ## Why is this bad?
    They are stored, loaded and given to the optimizer for nothing. Often a variable was created on the model itself and
    never entered the graph.

    ## Example
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(inputs))
    model.temperature = keras.Variable(np.ones(3, "float32"))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    scale = layers.EinsumDense("ab,b->ab", output_shape=(4,), name="scale")
    model = keras.Model(inputs, layers.Dense(1)(scale(inputs)))
    ```

    ## Fix
    Safe if a model itself holds them: they are removed from it, or from the `.keras` file, which Keras cannot load as
    long as it contains them. Outputs stay exactly equal, and they had no gradient.

    ## Not reported
    - what dead-branch (D002) and uncalled-layer (D008) report for the same layer;
    - frozen parameters;
    - parameters of custom layers and model classes, whose methods may use them.
    """

    code = "P004"
    name = "unreachable-parameters"
    severity = Severity.WARNING
    in_code = (
        "Follows variables through code, and is quiet on those that a custom class holds: its methods may use them."
    )

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        yield from self.attention(graph)
        live = graph.live_nodes
        lost = [v for v in graph.variables.values() if v.id not in live and trained(graph, v)]
        if not lost:
            return
        said = {variable.id for branch in dead_branches(graph) for variable in branch.variables}
        said |= {v.id for layer in uncalled_layers(graph) for v in graph.variables_below(layer.path)}
        used = graph.ancestors(losses_added(graph))
        lost = [v for v in lost if v.id not in said and v.id not in used and _stock(graph, v.layer)]
        size = sum(variable.size for variable in lost)
        if size:
            total = graph.parameters.total
            layers = list(dict.fromkeys(variable.layer for variable in lost))
            yield Problem(
                f"{size:,} of {total:,} parameters ({size / total:.0%}) influence no output",
                layers[0],
                "Use them in a layer of the graph, or remove them.",
                related=tuple(layers[1:]),
                fix=_dropped(graph, layers),
            )

    @staticmethod
    def attention(graph: ModelGraph) -> Iterator[Problem]:
        """Attention over one position: a softmax over one score is 1, whatever query and key are."""
        for layer in graph.layers.values():
            sites = graph.call_sites(layer.path)
            if layer.traits.name != "MultiHeadAttention" or not sites:
                continue
            if not all(graph.calls[call].layer == layer.path and _attends_to_one(graph, call) for call in sites):
                continue
            idle = [
                variable
                for path in (f"{layer.path}/query_dense", f"{layer.path}/key_dense")
                if path in graph.layers
                for variable in graph.variables_below(path)
                if trained(graph, variable)
            ]
            if idle:
                size = sum(variable.size for variable in idle)
                yield Problem(
                    f"attends to one position: the softmax over one score is 1, so {size:,} parameters of query and "
                    "key have no effect",
                    layer.path,
                    "Give it a sequence of more than one step as value and key, or use a Dense layer.",
                    related=tuple(variable.id for variable in idle),
                    key="attention",
                )


def _attends_to_one(graph: ModelGraph, call: str) -> bool:
    """Whether the keys of an attention are one position."""
    site = graph.calls[call]
    if graph.layer(call).config.get("attention_axes") not in (None, 1, [1]):
        return False
    value = site.args[1] if len(site.args) > 1 else site.kwargs.get("value")
    key = site.args[2] if len(site.args) > 2 else site.kwargs.get("key")
    key = value if key is None else key
    shape = graph.spec(key).shape if isinstance(key, Tensor) else None
    return shape is not None and len(shape) == 3 and shape[1] == 1


def _dropped(graph: ModelGraph, layers: list[str]) -> Fix | None:
    """Removes variables that a model itself holds: those of a layer are used where it is called."""
    if graph.live:
        return Fix.safe("build the models without them", Prune(layers=tuple(layers)))
    if graph.definition.format != Format.KERAS:
        return None
    return Fix.safe("remove them from the file", DropVariables(layers=tuple(layers)))


def _stock(graph: ModelGraph, layer: str) -> bool:
    """Whether all that a variable lies in are models of built-in classes, so that nothing but the graph uses it."""
    around = [graph.layers[layer], *graph.enclosing(layer)]
    return all(stock_model(one) for one in around)
