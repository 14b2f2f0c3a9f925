"""A004: a softmax with a binary loss, or a sigmoid with a categorical one."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import last_size, trace_activation
from graphlint.questions.losses import OutputLoss, kept_arguments, losses, with_loss


class LossActivationMismatch(Rule):
    """The last activation does not fit the loss.

    ## What it does
    Reports a categorical cross-entropy (one class per sample) on an output that ends in a sigmoid, and a binary
    cross-entropy (yes or no per unit) on one that ends in a softmax over more than one unit.

    ## Why is this bad?
    The model is trained as another one than it predicts with, and how depends on the backend. On TensorFlow, Keras
    takes the logits before the activation: a categorical loss trains them as those of a softmax, a binary one as those
    of independent sigmoids, and `predict` then applies the other activation, which was never trained. On JAX and
    PyTorch the loss takes the outputs as they are: a categorical one divides the sigmoids by their sum, with smaller
    gradients, and a binary one lets units compete that should be independent. In both cases the probabilities are not
    what they seem, and binary loss and accuracy over many classes look far better than the model is.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "binary_crossentropy")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    ```

    ## Fix
    Unsafe: the model is compiled with the cross-entropy that fits the activation, for the same targets: categorical
    after a softmax, binary after a sigmoid. With a sparse loss, whose targets are class indices, the sigmoid is
    replaced by a softmax. Whether the task is single-label or multi-label is for the author to check.

    ## Not reported
    A softmax over two units with a binary loss, which for one-hot targets is the categorical one.
    A single unit (reported by A001 and A005), custom losses, `from_logits=True` (A003), outputs whose last activation
    cannot be determined.

    ## References
    DeepLocalize (ICSE 2021); NeuraLint. Measured on Keras 3.15: on TensorFlow, a step of training equals that of the
    fitting activation, focal losses aside; on JAX and PyTorch a step of a categorical loss after a sigmoid is a half or
    a third as long as after a softmax.
    """

    code = "A004"
    name = "loss-activation-mismatch"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            traits = loss.traits
            if traits is None or loss.from_logits or loss.weight == 0:
                continue
            units = last_size(graph, loss.output)
            if not traits.cross_entropy or units == 1:
                continue
            head = trace_activation(graph, loss.output)
            binary = not traits.one_label
            if head.activation != ("softmax" if binary else "sigmoid") or (binary and units in (None, 2)):
                continue
            fitting = "a categorical cross-entropy" if binary else "a binary cross-entropy"
            other = "sigmoid" if binary else "softmax"
            trained = "" if "focal" in traits.name else f": on TensorFlow it trains a {other} in place of it"
            yield Problem(
                f"{loss.loss} on output {loss.name!r}, which ends in {head.activation} over "
                f"{'?' if units is None else units} units{trained}",
                head.call,
                f'Compile with {fitting}, or write activation="{other}" in the last layer.',
                related=() if loss.output.call == head.call else (loss.output,),
                fix=_fixed(graph, loss, head.layer),
                key=f"{loss.name}:{loss.loss}",
            )


_FITTING = {
    "binary_crossentropy": "categorical_crossentropy",
    "binary_focal_crossentropy": "categorical_focal_crossentropy",
    "categorical_crossentropy": "binary_crossentropy",
    "categorical_focal_crossentropy": "binary_focal_crossentropy",
}
"""The loss that fits the activation and takes the same targets."""


def _fixed(graph: ModelGraph, loss: OutputLoss, layer: str) -> Fix | None:
    fitting = _FITTING.get(str(loss.loss))
    if fitting is None:
        if "activation" not in graph.layers[layer].config or not graph.called_directly(layer):
            return None
        softmax = Configure(layer=layer, config={"activation": "softmax"})
        return Fix.unsafe("write softmax in the last layer", "the outputs of all classes add up to 1", softmax)
    edit = with_loss(graph, loss, fitting, **kept_arguments(loss))
    changes = "training minimises another loss"
    return Fix.unsafe(f"compile with {fitting}", changes, edit) if edit is not None else None
