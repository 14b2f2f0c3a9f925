"""A002: raw values for a cross-entropy that expects probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Configure, Edit, Replace
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import Head, trace_activation
from graphlint.questions.losses import OutputLoss, losses, one_class, with_loss

_ENDINGS = ("linear", "relu", "tanh")


class LogitsWithoutFlag(Rule):
    """A cross-entropy that expects probabilities receives logits or other raw values.

    ## What it does
    Follows every output with a built-in cross-entropy and `from_logits=False` back to the layer that produced it, and
    reports a Dense layer or convolution with a linear activation (error), a relu or a tanh (warning).

    ## Why is this bad?
    Keras clips the values to the interval from 0 to 1 before it takes the logarithm. Every unit outside that interval
    gets no gradient, the loss looks plausible, and the model learns slowly, badly or not at all.

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
    Unsafe: after a linear layer the model is compiled with `from_logits=True`; its outputs remain logits, and training
    gets the right gradients. A relu or tanh is replaced by the softmax (one class per sample) or sigmoid (yes or no per
    unit) that the loss expects, which changes the outputs.

    ## Not reported
    Custom losses, model classes with their own `train_step`, outputs whose last activation cannot be determined
    (Lambda, custom layers, merges), a single unit with a categorical loss (reported by A005).

    ## References
    keras-team/keras-hub#1008; NeuraLint; DeepLocalize
    """

    code = "A002"
    name = "logits-without-flag"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            traits = loss.traits
            if traits is None or not traits.cross_entropy or loss.from_logits or loss.weight == 0:
                continue
            if one_class(graph, loss):
                continue
            head = trace_activation(graph, loss.output)
            if head.activation not in _ENDINGS:
                continue
            layer = graph.layers[head.layer]
            wanted = "softmax" if traits.one_label else "sigmoid"
            yield Problem(
                f"{loss.loss} with from_logits=False on output {loss.name!r}, but {layer.class_name} {layer.name!r} "
                f"ends in {head.activation}, which does not give probabilities",
                head.call,
                f"Set from_logits=True in the loss{'' if head.activation == 'linear' else ' and remove the activation'}"
                f', or activation="{wanted}" in the last layer.',
                related=() if loss.output.call == head.call else (loss.output,),
                severity=Severity.ERROR if head.activation == "linear" else Severity.WARNING,
                fix=_fixed(graph, loss, head, wanted),
                key=f"{loss.name}:{loss.loss}",
            )


def _fixed(graph: ModelGraph, loss: OutputLoss, head: Head, wanted: str) -> Fix | None:
    if head.activation == "linear":
        compiled = with_loss(graph, loss, str(loss.loss), **{**loss.config, "from_logits": True})
        changes = "the loss treats the outputs as the logits they are"
        return Fix.unsafe("compile with from_logits=True", changes, compiled) if compiled is not None else None
    layer = graph.layers[head.layer]
    if layer.is_operation or not graph.called_directly(layer.path):
        return None
    changes = "outputs become probabilities"
    edit: Edit
    if "activation" in layer.config:
        edit = Configure(layer=layer.path, config={"activation": wanted})
    else:
        config = {"activation": wanted, "name": layer.name}
        edit = Replace(layer=layer.path, class_name="Activation", config=config)
    return Fix.unsafe(f"replace {head.activation} with {wanted}", changes, edit)
