"""A011: hidden kernels whose constant initial value never changed."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.statistics import statistics

_CONSTANT = frozenset({"Zeros", "Ones", "Constant", "zeros", "ones", "constant", "zero", "one"})
_INITIALIZERS = {"kernel_initializer": "kernel", "pointwise_initializer": "pointwise_kernel"}


class ConstantInitializer(Rule):
    """A hidden kernel was initialised to a constant and still is constant.

    ## What it does
    Reports trainable kernels of hidden layers with more than one unit whose initializer is Zeros, Ones or Constant and
    whose values are still all equal.

    ## Why is this bad?
    Units that start equal receive equal gradients and stay equal: the layer learns as if it had one unit. With zeros,
    the following layers receive no signal at all.

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
    Unsafe: the kernel is initialised again with `glorot_uniform`, which breaks the symmetry. Train the model
    afterwards.

    ## Not reported
    The last layer of a model (no other kernel follows it); a branch that ends in a sum or product (zero-initialised
    residuals, gates, adapters); biases, scales and LoRA factors; kernels that have been trained or loaded; layers
    inside custom layers, where they may be gates (sampling offsets of deformable attention).

    ## References
    NeuraLint
    """

    code = "A011"
    name = "constant-initializer"
    severity = Severity.WARNING
    in_code = "Quiet: a kernel of zeros may be a gate or an offset there."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in graph.layers.values():
            for key, slot in _INITIALIZERS.items():
                initializer = _initializer(layer, key)
                if initializer not in _CONSTANT or not layer.is_keras or "lora" in layer.name.lower():
                    continue
                if not graph.seen(layer.path) or any(outer.traced for outer in graph.enclosing(layer.path)):
                    continue
                kernel = next((variable for variable in graph.variables_of(layer.path) if variable.slot == slot), None)
                if kernel is None or not kernel.trainable or not kernel.shape:
                    continue
                units = layer.config.get("units", layer.config.get("filters", kernel.shape[-1]))
                found = statistics(graph, kernel)
                if not isinstance(units, int) or units < 2 or found is None or not found.constant:
                    continue
                if kernel.size < 2 or _ends(graph, layer):
                    continue
                yield Problem(
                    f"{key} is {initializer}, and the {kernel.size:,} values of the kernel are all "
                    f"{found.minimum:g}: its {units} units receive equal gradients and stay equal",
                    layer.path,
                    f"Remove {key}, or use a random initializer such as 'glorot_uniform'.",
                    related=(kernel.id,),
                    fix=_random(graph, layer, key, initializer),
                )


def _random(graph: ModelGraph, layer: Layer, key: str, initializer: str | None) -> Fix | None:
    if not graph.called_directly(layer.path):
        return None
    edit = Configure(layer=layer.path, config={key: "glorot_uniform"}, fresh=True)
    return Fix.unsafe("initialise with glorot_uniform", f"the kernel is random instead of {initializer}", edit)


def _initializer(layer: Layer, key: str) -> str | None:
    found = layer.config.get(key)
    if isinstance(found, dict):
        found = found.get("class_name")
    return found if isinstance(found, str) else None


def _ends(graph: ModelGraph, layer: Layer) -> bool:
    """Whether no other kernel lies between a call of the layer and an output, a merge or something unknown."""
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
                if _merges(target) or not (target.is_keras or target.is_operation):
                    return True
                if not any(variable.slot.endswith("kernel") for variable in graph.variables_below(target.path)):
                    stack.append(edge.target)
    return False


def _merges(layer: Layer) -> bool:
    """Whether what comes in is computed with another tensor; a concatenation keeps both apart."""
    merges = layer.traits.family is Family.MERGE and layer.traits.name != "Concatenate"
    return merges or layer.operation.broadcasting or layer.operation.name == "Dot"
