"""M005: moving statistics of one normalisation that several models train on."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import moved_statistics, trainings


class StatisticsMovedBySeveral(Rule):
    """Several models move the statistics of one BatchNormalization.

    ## What it does
    Finds layers with moving statistics that are trainable and called in several models which train.

    ## Why is this bad?
    The moving mean and variance follow the batches of whichever model trains last, and all models predict with
    them: each may be normalised by the statistics of data that it never sees. Models that train one after the other
    on the same data are not affected.

    ## Example
    ```python
    inputs = keras.Input((4,))
    norm = layers.BatchNormalization(name="norm")
    first = keras.Model(inputs, layers.Dense(1)(norm(layers.Dense(8)(inputs))))
    other = layers.Dense(8)(inputs)

    second = keras.Model(inputs, layers.Dense(1)(norm(other)))
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    models = {"first": first, "second": second}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    norm = layers.BatchNormalization(name="norm")
    first = keras.Model(inputs, layers.Dense(1)(norm(layers.Dense(8)(inputs))))
    other = layers.Dense(8)(inputs)

    second = keras.Model(inputs, layers.Dense(1)(layers.BatchNormalization()(other)))
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    models = {"first": first, "second": second}
    ```

    ## Fix
    None: give each model a normalisation of its own, use LayerNormalization, or freeze the shared one in all models
    but one.

    ## Not reported
    - frozen normalisations, and those that are called with `training=False`, which use their statistics and do not
      move them;
    - models that are not compiled.
    """

    code = "M005"
    name = "statistics-moved-by-several"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        movers: dict[str, dict[str, str]] = {}
        for training in trainings(graph):
            for one in moved_statistics(graph, training):
                movers.setdefault(graph.variables[one].layer, {})[training.member.layer] = training.member.name
        groups: dict[tuple[str, ...], list[str]] = {}
        for path in graph.layers:
            names = tuple(movers.get(path, {}).values())
            if len(names) > 1:
                groups.setdefault(names, []).append(path)
        for names, paths in groups.items():
            count = f"{len(paths)} normalisations" if len(paths) > 1 else "one normalisation"
            yield Problem(
                f"{', '.join(names)} move the statistics of {count} that they share",
                paths[0],
                "Normalise in each model by itself if they are trained on different data, or freeze it in all but one.",
                related=tuple(paths[1:10]),
                key=" ".join(names),
            )
