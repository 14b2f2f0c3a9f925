"""T005: compiled models in which every weight is frozen."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.missing_weights import layers_without_weights
from graphlint.questions.training import trained_nevertheless
from graphlint.questions.unbuilt import will_have_weights

_LAYERS = "Set layer.trainable = True on the layers that should learn, then compile again: model.compile(...)."
_MODEL = (
    "Set model.trainable = True, then layer.trainable = False on the layers that should not learn, and compile again: "
    "model.compile(...)."
)


class NothingTrainable(Rule):
    """The model is compiled with a loss but has nothing to train.

    ## What it does
    Finds compiled models with weights of which none is trainable.

    ## Why is this bad?
    `fit` runs, but changes only moving averages. Usually the new head was frozen together with the backbone, or the
    frozen half of a GAN was saved.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, trainable=False)])
    model.compile(loss="mse")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, trainable=False), layers.ReLU(), layers.Dense(1)])
    model.compile(loss="mse")
    ```

    ## Fix
    None: set `trainable = True` on the layers that should learn and compile again. For inference only, build the
    model again without compiling: `keras.Model(model.inputs, model.outputs)`.

    ## Not reported
    Models that are not compiled, or without a loss; models whose only weights are those of preprocessing layers;
    files that lack the weights of a trainable layer (D007); a model in memory that began to train before it was frozen,
    as the discriminator of a GAN: it goes on training, but for PyTorch, JAX and `run_eagerly`.
    """

    code = "T005"
    name = "nothing-trainable"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        compiled = graph.compile_config
        if not compiled or compiled.get("loss") is None or graph.parameters.trainable:
            return
        if trained_nevertheless(graph):
            return
        weighted = {
            variable.layer for variable in graph.variables.values() if not graph.layers[variable.layer].traits.adapts
        }
        waiting = [layer for layer in graph.layers.values() if will_have_weights(graph, layer)]
        if not weighted and not waiting:
            return
        if any(layer.trainable for layer in (*waiting, *(layer for layer, _ in layers_without_weights(graph)))):
            return
        why, hint = "every layer with weights is frozen", _LAYERS
        if not graph.root.trainable:
            why, hint = "the model itself is frozen", _MODEL
        held = f"none of the {graph.parameters.total:,} parameters is" if weighted else "no weight will be"
        yield Problem(
            f"compiled with a loss, but {held} trainable: {why}",
            None,
            hint,
        )
