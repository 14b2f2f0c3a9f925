"""A011."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Fix, Problem, Severity
from graphlint.engine.rule import Need, Rule
from graphlint.graph.model_graph import Layer, ModelGraph, Tensor
from graphlint.graph.statistics import statistics

_CONSTANT = frozenset({"Zeros", "Ones", "Constant", "zeros", "ones", "constant", "zero", "one"})
_MERGES = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Dot"})
_PASSING = frozenset(
    {"Activation", "ReLU", "Dropout", "BatchNormalization", "LayerNormalization", "Reshape", "InputLayer", "LayerScale"}
)


class ConstantInitializer(Rule):
    """A hidden kernel starts with all its numbers equal, and still is.

    ## What it does
    Reports trainable kernels of hidden layers with more than one unit whose initializer is Zeros, Ones or Constant and
    whose numbers are still all equal.

    ## Why is this bad?
    Units that start equal get equal gradients and stay equal for ever: the layer learns as if it had one unit. With
    zeros, the layers behind get no signal at all.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation="relu", kernel_initializer="zeros"), layers.Dense(2)]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(2)])
    ```

    ## Fix
    Unsafe: the layer starts anew with `glorot_uniform`, which breaks the symmetry. Train the model then.

    ## Not reported
    The last layer of a model; a branch that ends in a sum or product (zero-initialised residuals, gates, adapters);
    biases, scales and LoRA factors; kernels that have been trained or loaded.

    ## References
    NeuraLint
    """

    code = "A011"
    name = "constant-initializer"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.WEIGHTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in graph.layers.values():
            initializer = _initializer(layer)
            if initializer not in _CONSTANT or not layer.is_builtin or "lora" in layer.name.lower():
                continue
            kernel = next((variable for variable in graph.variables_of(layer.path) if variable.slot == "kernel"), None)
            units = layer.config.get("units", layer.config.get("filters"))
            if kernel is None or not kernel.trainable or not isinstance(units, int) or units < 2:
                continue
            found = statistics(graph, kernel)
            if found is None or not found.constant or kernel.size < 2 or _ends(graph, layer):
                continue
            yield Problem(
                f"kernel_initializer {initializer} and a kernel of {kernel.size:,} numbers that are all "
                f"{found.minimum:g}: its {units} units get equal gradients and stay equal",
                layer.path,
                "Drop kernel_initializer, or write a random one such as 'glorot_uniform'.",
                (kernel.id,),
                fix=_random(graph, layer, initializer),
            )


def _random(graph: ModelGraph, layer: Layer, initializer: str | None) -> Fix | None:
    if not graph.called_directly(layer.path):
        return None
    edit = ("configure", {"layer": layer.path, "config": {"kernel_initializer": "glorot_uniform"}, "fresh": True})
    return Fix.unsafe("start with glorot_uniform", f"the kernel is random instead of {initializer}", edit)


def _initializer(layer: Layer) -> str | None:
    found = layer.config.get("kernel_initializer")
    if isinstance(found, dict):
        found = found.get("class_name")
    return found if isinstance(found, str) else None


def _ends(graph: ModelGraph, layer: Layer) -> bool:
    """Whether a call of the layer leads straight to an output, a merge or something unknown."""
    for call in graph.call_sites(layer.path):
        stack, seen = [call], set()
        while stack:
            here = stack.pop()
            if here in seen:
                continue
            seen.add(here)
            if graph.is_output(Tensor(here, 0)):
                return True
            for edge in graph.out_edges(here):
                target = graph.layer(edge.target)
                if target.class_name in _MERGES or not (target.is_builtin or target.is_operation):
                    return True
                if target.class_name in _PASSING or target.is_operation:
                    stack.append(edge.target)
    return False
