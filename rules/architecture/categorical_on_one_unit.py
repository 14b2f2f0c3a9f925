"""A005: a categorical cross-entropy on an output with one unit."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import kept_arguments, losses, one_class, with_loss


class CategoricalOnOneUnit(Rule):
    """A categorical cross-entropy over a single class.

    ## What it does
    Reports a categorical cross-entropy, sparse or not, on an output with a single unit.

    ## Why is this bad?
    With one class there is nothing to choose between: the normalised probability is always 1, the loss is always 0 (or
    meaningless for labels above 0), and the model learns nothing.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "categorical_crossentropy")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    ```

    ## Fix
    Unsafe: after a sigmoid or a linear layer the model is compiled with binary cross-entropy, which takes one unit for
    yes or no. For more classes, give the last layer one unit per class.

    ## Not reported
    A softmax over the single unit (reported by A001), custom losses.

    ## References
    keras-team/keras#17029
    """

    code = "A005"
    name = "categorical-on-one-unit"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if not one_class(graph, loss) or loss.weight == 0:
                continue
            shape = graph.spec(loss.output).shape
            head = trace_activation(graph, loss.output)
            if head.activation == "softmax":
                continue
            edit = None
            if head.activation in ("sigmoid", "linear"):
                arguments = kept_arguments(loss, from_logits=head.activation == "linear")
                edit = with_loss(graph, loss, "binary_crossentropy", **arguments)
            title, changes = "compile with binary_crossentropy", "training minimises a loss that can decrease"
            yield Problem(
                f"{loss.loss} on output {loss.name!r} of shape {shape_text(shape)}: there is only one class to choose",
                head.call,
                "Compile with binary_crossentropy, or give the last layer one unit per class.",
                related=() if loss.output.call == head.call else (loss.output,),
                fix=Fix.unsafe(title, changes, edit) if edit is not None else None,
                key=f"{loss.name}:{loss.loss}",
            )
