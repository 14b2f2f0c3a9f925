"""H019: Masking of what a layer with weights has changed."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import InsertBefore, Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import FAR, activation_of, innermost

_ZERO_TO_ZERO = ("linear", "relu", "tanh", "elu", "selu", "gelu", "silu", "leaky_relu", "relu6", "swish")
_PASS_MASKS = (Family.DENSE, Family.NORMALIZATION, Family.DROPOUT, Family.NOISE, Family.ACTIVATION, Family.IDENTITY)


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
    Unsafe: Masking runs before the first layer that changes the padding. Offered where all layers in between pass a
    mask on (Dense, normalisation, dropout, activations) and nothing else uses what they return.

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
            if not changed:
                continue
            told.add(layer.path)
            before = graph.layer(changed[-1])
            yield Problem(
                f"Masking looks for steps of {layer.config.get('mask_value', 0.0)} in what {before.class_name} "
                f"{before.name!r} returns, which changes steps of padding too",
                call.id,
                f"Put Masking before {before.name!r}.",
                related=(changed[-1],),
                fix=_first(graph, call.id, changed),
            )


def _changed(graph: ModelGraph, call: str) -> list[str]:
    """The calls before one, backwards, up to the first that does not leave steps of padding as they are."""
    passed: list[str] = []
    changing = 0
    sources = graph.producers(call)
    for _ in range(FAR):
        if len(sources) != 1:
            break
        here = sources[0].call
        layer = innermost(graph, graph.layer(here))
        if layer.is_input:
            break
        passed.append(here)
        if _shifts(layer) or (_computes(layer) and activation_of(graph, here)[0] not in _ZERO_TO_ZERO):
            changing = len(passed)
        elif not _computes(layer) and not layer.traits.unchanged and not layer.traits.elementwise:
            break
        sources = graph.producers(here)
    return passed[:changing]


def _first(graph: ModelGraph, call: str, changed: list[str]) -> Fix | None:
    """Lets Masking run before the layers that change the padding, where these pass its mask on."""
    masking = graph.layer(call)
    for one in changed:
        layer = graph.layer(one)
        alone = len(graph.consumers(Tensor(one, 0))) == 1 and not graph.is_output(Tensor(one, 0))
        if layer.traits.family not in _PASS_MASKS or not alone or graph.calls[one].scope != graph.calls[call].scope:
            return None
        if not graph.called_directly(layer.path) or not graph.called_once(layer.path):
            return None
    if not graph.called_directly(masking.path) or not graph.called_once(masking.path):
        return None
    config = {"mask_value": masking.config.get("mask_value", 0.0)}
    edits = Remove(calls=(call,)), InsertBefore(call=changed[-1], class_name="Masking", config=config)
    name = graph.layer(changed[-1]).name
    return Fix.unsafe(f"mask before {name!r}", "steps of padding are masked, and no others", *edits)


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
