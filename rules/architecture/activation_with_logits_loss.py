"""A003."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import losses, one_class, with_loss

_CHANGES = "the loss takes the outputs for probabilities, which they are"


class ActivationWithLogitsLoss(Rule):
    """A loss with `from_logits=True` gets probabilities.

    ## What it does
    Follows every output whose built-in cross-entropy has `from_logits=True` back to the layer that made its numbers,
    and reports a softmax or sigmoid there.

    ## Why is this bad?
    The loss applies the activation a second time. Its best value is then far from 0, gradients are small, and the
    probabilities that come out are squeezed. Nothing warns of it on JAX.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    ```

    ## Fix
    Unsafe: the model is compiled without `from_logits=True`; its outputs stay as they are, and training gets the
    gradients it should. The other way is to drop the activation of the last layer.

    ## Not reported
    A loss that is not Keras's own, a model class with a training step of its own, an output whose last activation
    cannot be told (Lambda, custom layers, merges), one unit with a categorical loss (A001 and A005 say it).

    ## References
    Observed on Keras 3.15: the TensorFlow backend undoes it with a warning, JAX is silent.
    """

    code = "A003"
    name = "activation-with-logits-loss"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if not loss.built_in or not loss.from_logits or loss.weight == 0 or one_class(graph, loss):
                continue
            head = trace_activation(graph, loss.output)
            if head.activation not in ("softmax", "sigmoid"):
                continue
            layer = graph.layers[head.layer]
            edit = with_loss(graph, loss, str(loss.loss), **{**loss.config, "from_logits": False})
            fix = Fix.unsafe("compile with from_logits=False", _CHANGES, edit) if edit is not None else None
            yield Problem(
                f"{loss.loss} with from_logits=True on output {loss.name!r}, but {layer.class_name} {layer.name!r} "
                f"already applies {head.activation}",
                head.call,
                "Write from_logits=False in the loss, or drop the activation of the last layer.",
                () if loss.output.call == head.call else (loss.output,),
                fix=fix,
                key=f"{loss.name}:{loss.loss}",
            )
