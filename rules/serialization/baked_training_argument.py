"""K011: recorded calls with training=False that is only the default."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import DropRecordedArgument
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph


class BakedTrainingArgument(Rule):
    """`training=False` is recorded on a call although nobody passed it.

    ## What it does
    Lists the layers that behave differently in training and whose recorded calls say `training=False`, if that is
    merely the default of their signature. Off by default.

    ## Why is this bad?
    Keras 3.15 records the default with the call. A newer Keras treats the recorded value as explicit: dropout then
    stays off when the loaded model is trained further.

    ## Example
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(layers.Dropout(0.5)(x)))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5), layers.Dense(2)])
    ```

    ## Fix
    Safe, on a `.keras` file: the argument is removed from the configuration. Keras 3.15 loads the same model, and a
    newer Keras trains it as intended. A model in memory gets the argument back as soon as it is built.

    ## Not reported
    `training=True` (T003), layers whose default is None.

    ## References
    Observed on Keras 3.15.1 and its development version.
    """

    code = "K011"
    name = "baked-training-argument"
    severity = Severity.INFO
    in_code = "Quiet: no file holds the arguments of a call that code makes."
    default = False

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found = []
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if graph.in_code(call.id):
                continue
            if layer.traits.training == "False" and call.kwargs.get("training") is False:
                found.append(call.id)
        if found:
            yield Problem(
                f"training=False is recorded on {len(found)} calls of layers that behave differently in training",
                found[0],
                "Build the model from code again before training it further with a newer Keras.",
                related=tuple(found[1:]),
                fix=None if graph.live or graph.definition.format != Format.KERAS else _forgotten(graph, found),
            )


def _forgotten(graph: ModelGraph, calls: list[str]) -> Fix:
    layers = tuple(dict.fromkeys(graph.calls[call].layer for call in calls))
    edit = DropRecordedArgument(layers=layers, argument="training", value=False)
    return Fix.safe("remove the default from the file", edit)
