"""A002."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import Head, trace_activation
from graphlint.questions.losses import CROSS_ENTROPIES, OutputLoss, losses, one_class, with_loss

_ENDINGS = ("linear", "relu", "tanh")


class LogitsWithoutFlag(Rule):
    """A cross-entropy that expects probabilities gets numbers that are none.

    ## What it does
    Follows every output with a built-in cross-entropy and `from_logits=False` back to the layer that made its numbers,
    and reports a Dense or convolution that ends linear (error), in relu or in tanh (warning).

    ## Why is this bad?
    Keras clips the numbers to the interval from 0 to 1 before it takes the logarithm. Every unit outside it gets no
    gradient, the loss looks plausible, and the model learns slowly, badly or not at all.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ```

    ## Fix
    Unsafe: behind a linear layer the model is compiled with `from_logits=True`; its outputs stay logits, and
    training gets the gradients it should. A relu or tanh becomes the softmax (one label of many) or sigmoid (yes or
    no) that the loss expects, which changes the outputs.

    ## Not reported
    A loss that is not Keras's own, a model class with a training step of its own, an output whose last activation
    cannot be told (Lambda, custom layers, merges), one unit with a categorical loss (A005 says it).

    ## References
    keras-team/keras-hub#1008; NeuraLint; DeepLocalize
    """

    code = "A002"
    name = "logits-without-flag"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if not loss.built_in or loss.loss not in CROSS_ENTROPIES or loss.from_logits or loss.weight == 0:
                continue
            if one_class(graph, loss):
                continue
            head = trace_activation(graph, loss.output)
            if head.activation not in _ENDINGS:
                continue
            layer = graph.layers[head.layer]
            wanted = "sigmoid" if loss.loss.startswith("binary") else "softmax"
            yield Problem(
                f"{loss.loss} with from_logits=False on output {loss.name!r}, but {layer.class_name} {layer.name!r} "
                f"ends in {head.activation}, which gives no probabilities",
                head.call,
                f"Write from_logits=True in the loss{'' if head.activation == 'linear' else ' and drop the activation'}"
                f', or activation="{wanted}" in the last layer.',
                () if loss.output.call == head.call else (loss.output,),
                severity=Severity.ERROR if head.activation == "linear" else Severity.WARNING,
                fix=_fixed(graph, loss, head, wanted),
                key=f"{loss.name}:{loss.loss}",
            )


def _fixed(graph: ModelGraph, loss: OutputLoss, head: Head, wanted: str) -> Fix | None:
    if head.activation == "linear":
        edit = with_loss(graph, loss, str(loss.loss), **{**loss.config, "from_logits": True})
        changes = "the loss takes the outputs for logits, which they are"
        return Fix.unsafe("compile with from_logits=True", changes, edit) if edit is not None else None
    layer = graph.layers[head.layer]
    if layer.is_operation or not graph.called_directly(layer.path):
        return None
    changes = "outputs become probabilities"
    if "activation" in layer.config:
        edit = ("configure", {"layer": layer.path, "config": {"activation": wanted}})
    else:
        config = {"activation": wanted, "name": layer.name}
        edit = ("replace", {"layer": layer.path, "class_name": "Activation", "config": config})
    return Fix.unsafe(f"write {wanted} in place of {head.activation}", changes, edit)
