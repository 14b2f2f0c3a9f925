"""M006: trainable variables that none of the models trains."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import Begun, flagged, held, in_order, owners, size, trainings


class TrainedByNone(Rule):
    """No model trains a variable that is trainable.

    ## What it does
    Lists trainable variables of models that are not compiled, where others of the models are, and none of those
    trains them.

    ## Why is this bad?
    A part that was meant to learn and that no optimizer was given keeps the numbers it was created with. A target
    network, a teacher or an embedding for inference is meant to be so.

    ## Example
    ```python
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, layers.Dense(2, name="code")(inputs))
    codes = keras.Input((2,))
    decoder = keras.Model(codes, layers.Dense(4, name="decoded")(codes))
    classifier = keras.Model(inputs, layers.Dense(1)(layers.ReLU()(encoder(inputs))))
    classifier.compile("adam", "mse")
    models = {"encoder": encoder, "decoder": decoder, "classifier": classifier}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, layers.Dense(2, "relu", name="code")(inputs))
    codes = keras.Input((2,))
    decoder = keras.Model(codes, layers.Dense(4, name="decoded")(codes))
    autoencoder = keras.Model(inputs, decoder(encoder(inputs)))
    autoencoder.compile("adam", "mse")
    models = {"encoder": encoder, "decoder": decoder, "autoencoder": autoencoder}
    ```

    ## Fix
    None: train a model that contains these layers, or freeze them to say that they are not trained.

    ## Not reported
    - frozen variables;
    - sets in which no model is compiled;
    - variables of a model with its own `train_step` whose optimizers are not built: it may train them.
    """

    code = "M006"
    name = "trained-by-none"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        every = trainings(graph)
        if all(one.begun is Begun.NEVER for one in every):
            return
        trained = {v for one in every for v in (one.variables if one.known else held(graph, one.member))}
        groups: dict[str, list[str]] = {}
        seen: set[str] = set()
        for training in every:
            for one in in_order(graph, flagged(graph, training.member) - trained):
                if one not in seen:
                    seen.add(one)
                    groups.setdefault(training.member.name, []).append(one)
        for name, ids in groups.items():
            yield Problem(
                f"none of the models trains {len(ids)} trainable variables of {name} ({size(graph, ids):,} parameters)",
                owners(graph, ids)[0],
                "Train a model that contains them, or freeze them if they are not to be trained.",
                related=tuple(owners(graph, ids)[1:10]),
                key=name,
            )
