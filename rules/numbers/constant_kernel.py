"""N004: kernels that are constant after training."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.statistics import statistics, training_steps

_KERNELS = frozenset({"kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings"})


class ConstantKernel(Rule):
    """The model was trained, but all values of a kernel are equal.

    ## What it does
    Reports trainable kernels of more than one element whose values are all equal although the optimizer has run steps.

    ## Why is this bad?
    No gradient ever made the units differ: the layer is dead, disconnected from the loss, or was initialised to a
    constant and could not leave it.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(), "mse")
    model.fit(np.random.rand(8, 4), np.zeros((8, 2)), verbose=0)
    model.layers[0].kernel.assign(np.full((4, 2), 0.5))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(), "mse")
    model.fit(np.random.rand(8, 4), np.zeros((8, 2)), verbose=0)
    ```

    ## Fix
    None: initialise the layer randomly, make sure that the loss depends on it, and train again.

    ## Not reported
    Frozen kernels, kernels of 0 in a model with pruning wrappers (`PruneLowMagnitude`), models that were never trained,
    layers that reach no output (reported by D002 and P004).

    ## References
    NeuraLint
    """

    code = "N004"
    name = "constant-kernel"
    severity = Severity.WARNING
    in_code = "As elsewhere: numbers are read wherever a layer holds them, also where it stays closed."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if not training_steps(graph):
            return
        pruned = any(layer.class_name == "PruneLowMagnitude" for layer in graph.layers.values())
        for variable in graph.variables.values():
            layer = graph.layers[variable.layer]
            if variable.slot not in _KERNELS or variable.size < 2 or not trained(graph, variable):
                continue
            if not all(outer.trainable for outer in graph.enclosing(layer.path)) or variable.id not in graph.live_nodes:
                continue
            found = statistics(graph, variable)
            if found is None or not found.constant or (found.minimum == 0 and pruned):
                continue
            yield Problem(
                f"all {variable.size:,} values are {found.minimum:.3g} after {training_steps(graph):,} training steps",
                variable.id,
                "Make sure that the loss depends on the layer, and initialise it with "
                "kernel_initializer='glorot_uniform'.",
            )
