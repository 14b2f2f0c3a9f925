"""H019: Masking of what a layer with weights has changed."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import FAR, activation_of, innermost

_ZERO_TO_ZERO = ("linear", "relu", "tanh", "elu", "selu", "gelu", "silu", "leaky_relu", "relu6", "swish")


class LateMasking(Rule):
    """Masking looks for padding that an earlier layer has already changed.

    ## What it does
    Reports Masking layers that receive what a layer with weights returns: a Dense layer or convolution with a bias, or
    a normalisation with an offset.

    ## Why is this bad?
    Masking compares each step with `mask_value`. After a bias, steps of padding are no longer 0 (or whatever the value
    is), so that nothing is masked and layers after it treat padding as data; after a relu, real steps that happen to be
    all 0 are masked instead.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((20, 4)), layers.Dense(8, activation="relu"), layers.Masking(0.0), layers.LSTM(8), layers.Dense(1)]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((20, 4)), layers.Masking(0.0), layers.Dense(8, activation="relu"), layers.LSTM(8), layers.Dense(1)]
    )
    ```

    ## Fix
    None: put Masking first; Dense layers and normalisation pass the mask on.

    ## Not reported
    Embeddings, whose row of padding may be 0 on purpose; recurrent layers; layers without a bias that keep 0 as it is.

    ## References
    Humbatova et al. (ICSE 2020)
    """

    code = "H019"
    name = "late-masking"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if layer.traits.name != "Masking" or layer.path in told:
                continue
            changed = _changed(graph, call.id)
            if changed is None:
                continue
            told.add(layer.path)
            before = graph.layer(changed)
            yield Problem(
                f"Masking looks for steps of {layer.config.get('mask_value', 0.0)} in what {before.class_name} "
                f"{before.name!r} returns, which changes steps of padding too",
                call.id,
                f"Put Masking before {before.name!r}.",
                related=(changed,),
            )


def _changed(graph: ModelGraph, call: str) -> str | None:
    """The first layer before a call that does not leave steps of padding as they are."""
    sources = graph.producers(call)
    for _ in range(FAR):
        if len(sources) != 1:
            return None
        here = sources[0].call
        layer = innermost(graph, graph.layer(here))
        if _shifts(layer) or (_computes(layer) and activation_of(graph, here)[0] not in _ZERO_TO_ZERO):
            return here
        if not _computes(layer) and not layer.traits.unchanged and not layer.traits.elementwise:
            return None
        sources = graph.producers(here)
    return None


def _computes(layer: Layer) -> bool:
    return layer.traits.family in (Family.DENSE, Family.CONVOLUTION) and layer.traits.linear


def _shifts(layer: Layer) -> bool:
    """Whether a layer adds something that it has learned."""
    if layer.traits.family is Family.NORMALIZATION:
        return layer.config.get("center", True) is not False and layer.traits.name not in (
            "RMSNormalization",
            "UnitNormalization",
        )
    return _computes(layer) and layer.config.get("use_bias", True) is not False
