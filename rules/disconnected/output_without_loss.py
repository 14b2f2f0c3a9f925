"""D003: outputs that the compiled loss leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.errors import listed
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.losses import losses, losses_added, output_names, unknown_loss_keys

_SHOWN = 8


class OutputWithoutLoss(Rule):
    """The compiled loss leaves an output out, and with it the weights that feed only that output.

    ## What it does
    Assigns the compiled losses to the outputs as Keras does and reports outputs without one: a warning if trainable
    weights feed only such outputs, info otherwise.

    ## Why is this bad?
    Those weights never receive a gradient: the head stays random. With a dictionary of losses Keras says nothing or
    warns; a list that is shorter than the outputs, and a key that is no output, stop `fit` with an error.

    ## Example
    ```python
    inputs = keras.Input((4,))
    a = layers.Dense(1, name="a")(inputs)
    b = layers.Dense(1, name="b")(inputs)
    model = keras.Model(inputs, [a, b])
    model.compile(loss={"a": "mse", "b": None})
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    a = layers.Dense(1, name="a")(inputs)
    b = layers.Dense(1, name="b")(inputs)
    model = keras.Model(inputs, [a, b])
    model.compile(loss={"a": "mse", "b": "mse"})
    ```

    ## Fix
    None: give the output a loss in `compile(loss={...})`, or freeze the layers that feed only it.

    ## Not reported
    - custom model classes, which may have their own training step;
    - weights that feed a layer that may add its own loss;
    - models compiled without any loss.
    """

    code = "D003"
    name = "output-without-loss"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        names = listed(list(map(repr, output_names(graph) or ())), _SHOWN)
        for key in unknown_loss_keys(graph):
            yield Problem(
                f"the loss {key!r} is for no output of the model, which has {names}: fit refuses it",
                None,
                f"Write the name of an output in place of {key!r} in compile(loss=...), or drop it.",
                severity=Severity.ERROR,
                key=f"unknown:{key}",
            )
        compiled = losses(graph)
        if compiled is None:
            return
        without = [one for one in compiled if one.loss is None]
        if not without or len(without) == len(compiled):
            return
        covered = graph.ancestors(
            [*{one.output.call for one in compiled if one.loss is not None}, *losses_added(graph)]
        )
        place = {variable: index for index, variable in enumerate(graph.variables)}
        for one in without:
            beyond = graph.ancestors([one.output.call], known=covered)
            covered |= beyond
            found = sorted((node for node in beyond if node in place), key=place.__getitem__)
            lost = [graph.variables[node] for node in found if trained(graph, graph.variables[node])]
            size = sum(variable.size for variable in lost)
            loss = (
                f"{size:,} trainable parameters feed only this output and get no gradient"
                if lost
                else "nothing trainable depends on it alone"
            )
            yield Problem(
                f"output {one.name!r} has no loss: {loss}",
                one.output,
                f"Give {one.name!r} a loss in compile(loss=...)"
                + (", or freeze the layers that feed only it." if lost else " if it should be trained."),
                related=tuple(dict.fromkeys(variable.layer for variable in lost)),
                severity=None if lost else Severity.INFO,
                key=one.name,
            )
