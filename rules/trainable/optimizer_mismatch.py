"""T002: optimizer slots compared with the trainable variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph, ModelNode, Variable
from graphlint.model.parameters import trained
from graphlint.questions.equal_weights import equal, may_be_equal
from graphlint.questions.losses import stock_training
from graphlint.questions.optimizer_slots import optimizer_slots
from graphlint.questions.training import explained


class OptimizerMismatch(Rule):
    """The optimizer was built for a different set of variables than the trainable ones.

    ## What it does
    Compares the variables for which the optimizer keeps state, by number and shape, with the trainable variables of the
    model.

    ## Why is this bad?
    The `trainable` flags changed after training began. `fit` continues with the flags of the last `compile`, or fails;
    after loading, Keras cannot match the state and resets the optimizer, with only a warning.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.ReLU(), layers.Dense(2, name="b")])
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    model.get_layer("a").trainable = False
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.ReLU(), layers.Dense(2, name="b")])
    model.get_layer("a").trainable = False
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    ```

    ## Fix
    None: call `model.compile(...)` again after changing `trainable`. To distribute the model for inference, do so
    as well before saving it: the new optimizer has no state.

    ## Not reported
    - an optimizer that is not built yet, one of an unknown class, and plain SGD, which keeps no state;
    - moving averages of the weights, gradient accumulation and loss scaling, whose layout differs;
    - variables of custom layers in a file, which does not record whether those are trainable;
    - a file in which nothing is frozen and variables are missing nevertheless: its weights are at fault (D007, H001);
    - a model in which nothing is trainable any more (T005);
    - flags that were set for another model, where models are checked together: the discriminator of a GAN is frozen
      for the model that trains the generator;
    - a file with LoRA layers (`enable_lora`), which are stored merged, without their two trainable factors.

    ## References
    keras-team/keras#22413, keras-team/keras#9589
    """

    code = "T002"
    name = "optimizer-mismatch"
    severity = Severity.WARNING
    in_code = "Reads the optimizer, and variables wherever a layer holds them."
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.COMPILE})

    def settled(self, graph: ModelGraph, member: ModelNode) -> bool:
        return explained(graph, member)

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        optimizer = optimizer_slots(graph)
        if optimizer is None or not _trains_what_it_says(graph):
            return
        certain: Counter[tuple[int, ...]] = Counter()
        possible: Counter[tuple[int, ...]] = Counter()
        for variable in graph.variables.values():
            layer = graph.layers[variable.layer]
            if graph.live or layer.is_keras:
                if trained(graph, variable):
                    certain[variable.shape] += 1
            else:
                possible[variable.shape] += 1
        missing = certain - optimizer.shapes
        extra = optimizer.shapes - certain - possible
        now = certain.total()
        if (not missing and not extra) or (not now and (graph.compile_config or {}).get("loss") is not None):
            return
        frozen = [
            layer.path
            for layer in graph.layers.values()
            if not layer.trainable and not layer.container and graph.variables_of(layer.path)
        ]
        if extra and not graph.live and graph.root.trainable and not frozen:
            return
        both = f"{optimizer.class_name} keeps state for {optimizer.count} variables, {now} are trainable"
        details = [
            f"{counts.total()} {text}"
            for counts, text in (
                (extra, "of its variables are no longer trainable"),
                (missing, "trainable variables have no state"),
            )
            if counts
        ]
        if not extra and not graph.live:
            pairs = _equal_pairs(graph, missing)
            if pairs:
                yield Problem(
                    f"{both}: {pairs[0][0].id} and {pairs[0][1].id} are equal and were one variable when it trained; "
                    "saving made two of it",
                    None,
                    "Call one layer in both places, or tie the variables again in a custom layer, and save again.",
                    related=tuple(one.id for pair in pairs for one in pair),
                )
                return
        yield Problem(
            f"{both}: {' and '.join(details)}; flags changed after the optimizer was built",
            None,
            "Compile again after changing trainable, before training on or saving.",
            related=tuple(frozen[:10]) if extra else (),
        )


def _equal_pairs(graph: ModelGraph, missing: Counter[tuple[int, ...]]) -> list[tuple[Variable, Variable]]:
    """Pairs of equal variables that account for every one that the optimizer lacks; none where some are left over."""
    found: list[tuple[Variable, Variable]] = []
    for shape, count in missing.items():
        alike = [one for one in graph.variables.values() if one.shape == shape and trained(graph, one)]
        pairs = [
            (one, other)
            for place, one in enumerate(alike)
            for other in alike[place + 1 :]
            if may_be_equal(graph, one, other) and equal(one, other)
        ]
        if len(pairs) < count:
            return []
        found += pairs[:count]
    return found


def _trains_what_it_says(graph: ModelGraph) -> bool:
    """Whether the trainable variables of the graph are what the training step passes to the optimizer."""
    if graph.live:
        step = getattr(type(graph.definition.obj), "train_step", None)
        return is_keras_package(getattr(step, "__module__", None))
    if not stock_training(graph) or any(layer.config.get("lora_rank") for layer in graph.layers.values()):
        return False
    if graph.definition.format != Format.H5:
        return True
    weighted = [(one.class_name, one.name) for one in graph.layers.values() if graph.variables_of(one.path)]
    return len(set(weighted)) == len(weighted)
