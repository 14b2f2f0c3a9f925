"""M004: layers that one model was trained with as frozen, and another one trains."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import Begun, held, in_order, owners, size, trainings


class TrainedElsewhere(Rule):
    """A model that was trained with frozen layers shares them with one that trains them.

    ## What it does
    Finds models that have begun to train without some of their variables, which another model trains.

    ## Why is this bad?
    Every step of the other model moves what this one counts on being fixed: a head that was trained on frozen
    features no longer fits them. In a GAN that is what is meant.

    ## Example
    ```python
    inputs = keras.Input((4,))
    base = keras.Model(inputs, layers.Dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, layers.Dense(1)(base.outputs[0]))
    x, y = np.zeros((2, 4)), np.zeros((2, 1))

    base.trainable = False
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    base.trainable = True
    full = keras.Model(base.inputs, layers.Dense(2)(base.outputs[0]))
    full.compile("adam", "mse")
    models = {"base": base, "model": model, "full": full}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    base = keras.Model(inputs, layers.Dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, layers.Dense(1)(base.outputs[0]))
    x, y = np.zeros((2, 4)), np.zeros((2, 1))

    base.trainable = False
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    full = keras.Model(base.inputs, layers.Dense(2)(base.outputs[0]))
    full.compile("adam", "mse")
    models = {"base": base, "model": model, "full": full}
    ```

    ## Fix
    None: give the model that fine-tunes a copy of the layers (`graphlint.clone`), or fine-tune the first one again
    afterwards.

    ## Not reported
    - models that have not begun to train, and those with their own `train_step`;
    - variables that nothing trains.
    """

    code = "M004"
    name = "trained-elsewhere"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        every = trainings(graph)
        for training in every:
            if training.begun is not Begun.NOW or not training.variables:
                continue
            fixed = held(graph, training.member) - training.variables
            for other in every:
                ids = in_order(graph, fixed & other.variables)
                if ids:
                    yield Problem(
                        f"{training.member.name} began to train with {size(graph, ids):,} parameters frozen that "
                        f"{other.member.name} trains",
                        owners(graph, ids)[0],
                        f"Give {other.member.name} a copy of them unless {training.member.name} is meant to follow.",
                        related=(training.member.layer, *owners(graph, ids)[1:10]),
                        key=f"{training.member.name} {other.member.name}",
                    )
