"""A011: hidden kernels whose constant initial value never changed, or hardly."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor, Variable
from graphlint.questions.statistics import Statistics, statistics, training_steps

_CONSTANT = frozenset({"Zeros", "Ones", "Constant", "zeros", "ones", "constant", "zero", "one"})
_FEW_STEPS = 1000
_INITIALIZERS = {"kernel_initializer": "kernel", "pointwise_initializer": "pointwise_kernel"}


class ConstantInitializer(Rule):
    """A hidden kernel was initialised to a constant and still is constant, or nearly.

    ## What it does
    Reports trainable kernels of hidden layers with more than one unit whose initializer is Zeros, Ones or Constant and
    whose values are still all equal, or were moved by few training steps (at most 1,000) and still are within a tenth
    of where they started, measured by what a random start would have given.

    ## Why is this bad?
    Units that start equal receive equal gradients and stay equal: the layer learns as if it had one unit. With zeros,
    the following layers receive no signal at all. What a few steps add is small, so that units remain alike.

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
                if not isinstance(units, int) or units < 2 or found is None or kernel.size < 2:
                    continue
                if not (found.constant or _hardly_moved(graph, layer, key, kernel, found)) or _ends(graph, layer):
                    continue
                if found.constant:
                    values = f"are all {found.minimum:g}: its {units} units receive equal gradients and stay equal"
                else:
                    values = (
                        f"lie between {found.minimum:.4g} and {found.maximum:.4g} after {training_steps(graph):,} "
                        f"training steps: its {units} units started equal and still are nearly so"
                    )
                yield Problem(
                    f"{key} is {initializer}, and the {kernel.size:,} values of the kernel {values}",
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


def _hardly_moved(graph: ModelGraph, layer: Layer, key: str, kernel: Variable, found: Statistics) -> bool:
    """Whether a few steps have left the values near the constant, by the scale of Glorot's random start."""
    steps = training_steps(graph)
    if not steps or steps > _FEW_STEPS or found.nonfinite or found.minimum is None or found.maximum is None:
        return False
    start = _start(layer, key)
    fans = kernel.size / kernel.shape[-1] + kernel.shape[-1]
    return start is not None and max(abs(found.minimum - start), abs(found.maximum - start)) < 0.1 * (6 / fans) ** 0.5


def _start(layer: Layer, key: str) -> float | None:
    """The constant of an initializer."""
    initializer = (_initializer(layer, key) or "").lower()
    if initializer != "constant":
        return {"zero": 0.0, "zeros": 0.0, "one": 1.0, "ones": 1.0}.get(initializer)
    written = layer.config.get(key)
    config = written.get("config") if isinstance(written, dict) else None
    value = config.get("value", 0.0) if isinstance(config, dict) else 0.0
    return float(value) if isinstance(value, (int, float)) else None


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
