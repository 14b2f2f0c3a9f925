"""M003: variables that the optimizers of several models train."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import named, owners, size, trainings


class TrainedBySeveral(Rule):
    """The optimizers of several models train one variable.

    ## What it does
    Lists the variables that more than one of the models trains, with their number and the optimizers.

    ## Why is this bad?
    Each `fit` undoes some of what the other one learned, and each optimizer keeps its own momentum of a variable
    that moves between its steps. That is meant where tasks alternate on one trunk, or where a model is trained
    first and then fine-tuned in another. It is not meant in a GAN, whose second optimizer trains the discriminator
    to be fooled.

    ## Example
    ```python
    inputs = keras.Input((4,))
    trunk = layers.Dense(8, "relu", name="trunk")
    first = keras.Model(inputs, layers.Dense(1)(trunk(inputs)))

    second = keras.Model(inputs, layers.Dense(3)(trunk(inputs)))
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    models = {"first": first, "second": second}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    trunk = layers.Dense(8, "relu", name="trunk")
    first = keras.Model(inputs, layers.Dense(1)(trunk(inputs)))

    second = keras.Model(inputs, layers.Dense(3)(layers.Dense(8, "relu", name="own")(inputs)))
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    models = {"first": first, "second": second}
    ```

    ## Fix
    None: freeze the shared layers for one of the models before it trains its first batch, or train both losses in
    one model with two outputs.

    ## Not reported
    - variables of a model with its own `train_step` whose optimizers are not built: what it trains is not known;
    - two names for one model.
    """

    code = "M003"
    name = "trained-by-several"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[tuple[int, ...], list[str]] = {}
        every = trainings(graph)
        by_variable: dict[str, dict[str, int]] = {}
        for place, training in enumerate(every):
            for one in training.variables:
                by_variable.setdefault(one, {}).setdefault(training.member.layer, place)
        for one in graph.variables:
            places = tuple(by_variable.get(one, {}).values())
            if len(places) > 1:
                groups.setdefault(places, []).append(one)
        for places, ids in groups.items():
            models = [every[place].member for place in places]
            optimizers = [one.definition.optimizer.class_name for one in models if one.definition.optimizer is not None]
            yield Problem(
                f"{named(models)} train the same {len(ids)} variables ({size(graph, ids):,} parameters), each with an "
                f"optimizer of its own ({', '.join(optimizers)})",
                owners(graph, ids)[0],
                "Keep it if tasks alternate or one model fine-tunes the other; else freeze the layers in all but one.",
                related=tuple(owners(graph, ids)[1:10]),
                key=" ".join(one.name for one in models),
            )
