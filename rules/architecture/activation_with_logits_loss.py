"""A003: a softmax or sigmoid before a loss with from_logits=True."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import losses, one_class, with_loss

_CHANGES = "the loss treats the outputs as the probabilities they are"


class ActivationWithLogitsLoss(Rule):
    """A loss with `from_logits=True` receives probabilities.

    ## What it does
    Follows every output whose built-in cross-entropy has `from_logits=True` back to the layer that produced it, and
    reports a softmax or sigmoid there.

    ## Why is this bad?
    The loss applies the activation a second time. The minimum of the loss is then far from 0, gradients are small, and
    the probabilities that the loss sees are squeezed together. On JAX nothing warns about it.

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
    Unsafe: the model is compiled without `from_logits=True`; its outputs do not change, and training gets the right
    gradients. Alternatively, remove the activation of the last layer.

    ## Not reported
    Custom losses, model classes with their own `train_step`, outputs whose last activation cannot be determined
    (Lambda, custom layers, merges), a single unit with a categorical loss (reported by A001 and A005).

    ## References
    Observed on Keras 3.15: the TensorFlow backend corrects it with a warning; JAX is silent.
    """

    code = "A003"
    name = "activation-with-logits-loss"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if not loss.from_logits or loss.weight == 0 or one_class(graph, loss):
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
                "Set from_logits=False in the loss, or remove the activation of the last layer.",
                related=() if loss.output.call == head.call else (loss.output,),
                fix=fix,
                key=f"{loss.name}:{loss.loss}",
            )
