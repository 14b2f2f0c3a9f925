"""H007: masks that a layer drops before a layer that would use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Replace
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.knowledge.operations import Batch
from graphlint.model.definition import Constant, ConstantKind, flat
from graphlint.model.graph import MASK, Call, Layer, ModelGraph, Tensor
from graphlint.model.masks import masked
from graphlint.questions.batch import argument
from graphlint.questions.references import is_lambda

_RESHAPING = ("Reshape", "Squeeze")
"""Layers and operations that drop the mask, and may leave the shape as it is."""
_MASK_ARGUMENTS = ("mask", "attention_mask", "value_mask", "key_mask", "query_mask", "padding_mask")


_AS_LAYERS = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu")
"""Activations that an operation and ``Activation`` compute alike when neither is given a number."""


class MaskLost(Rule):
    """A mask is lost on its way to a layer that would use it.

    ## What it does
    Propagates the masks of `Masking` and `Embedding(mask_zero=True)` as Keras does at run time, and reports where one
    is lost although the time axis continues to a recurrent layer, an attention or an average over time.

    ## Why is this bad?
    Padding is treated as data: the last state of a short text is that of its padding, averages are over the length of
    the longest text in the batch. Predictions change with the length to which a batch is padded. Plain operations such
    as `x * 2` drop the mask, and so does adding a tensor without a mask.

    ## Example
    ```python
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    model = keras.Model(ids, layers.LSTM(3)(x * 2.0))
    ```

    ## Use instead
    ```python
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    model = keras.Model(ids, layers.LSTM(3)(layers.Rescaling(2.0)(x)))
    ```

    ## Fix
    Unsafe: if the mask is lost at a product or sum with a number, or at an activation that is a plain operation, a
    layer that computes the same and keeps the mask replaces it. Otherwise pass the mask explicitly: `lstm(x,
    mask=ops.not_equal(ids, 0))`.

    ## Not reported
    Dense, normalisations, Dropout, Concatenate and TimeDistributed, which keep the mask; a time axis that was consumed
    in between (LSTM, RepeatVector, LSTM), pooled or convolved; a mask that is passed explicitly; a recurrent layer with
    an initial state, to which Keras passes no mask, if only its sequence is used.

    ## References
    keras-team/keras#18543
    """

    code = "H007"
    name = "mask-lost"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        carried = masked(graph)
        if not carried:
            return
        lost: dict[Tensor, tuple[str, str]] = {}
        dropped: dict[str, tuple[str, list[str]]] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            for tensor in _masked_arguments(graph, call, layer):
                if tensor in carried:
                    if not _receives(graph, call) and _last_step_matters(graph, call, layer):
                        dropped.setdefault(call.id, (carried[tensor], []))
                elif tensor in lost:
                    where, maker = lost[tensor]
                    dropped.setdefault(where, (maker, []))[1].append(call.id)
            output = Tensor(call.id, 0)
            if output not in carried and _keeps_time(graph, call, layer):
                for source in _unfolded(graph, call):
                    if source in carried and _same_time(graph, source, output):
                        lost[output] = (call.id, carried[source])
                    elif source in lost and _same_time(graph, source, output):
                        lost.setdefault(output, lost[source])
        for where, (maker, users) in dropped.items():
            yield _problem(graph, where, maker, users)


def _problem(graph: ModelGraph, where: str, maker: str, users: list[str]) -> Problem:
    source = graph.layer(maker).name
    if not users:
        return Problem(
            f"the mask of {source!r} does not reach it: Keras passes no mask to a layer with an initial state",
            where,
            "Pass the mask explicitly: layer(x, mask=..., initial_state=...).",
            related=(maker,),
        )
    names = ", ".join(repr(graph.layer(user).name) for user in users[:3])
    return Problem(
        f"{graph.layer(where).class_name} drops the mask of {source!r} before {names}, which would use it",
        where,
        "Replace it with a layer that keeps masks, or pass mask=ops.not_equal(ids, 0) explicitly.",
        related=(maker, *users),
        fix=_kept(graph, where),
    )


def _kept(graph: ModelGraph, where: str) -> Fix | None:
    """Replaces an operation on one tensor and numbers with a layer: layers keep the mask."""
    operation, call = graph.layer(where), graph.calls[where]
    sources = graph.producers(where)
    if not operation.is_operation or len(sources) != 1 or not graph.called_directly(operation.path, once=True):
        return None
    name = operation.class_name or ""
    numbers = [leaf for leaf in flat([call.args, call.kwargs]) if isinstance(leaf, (int, float))]
    config: dict[str, Any] | None = None
    if operation.operation.applies in _AS_LAYERS and not numbers:
        class_name, config = "Activation", {"activation": operation.operation.applies}
    elif len(numbers) == 1 and len(list(flat([call.args, call.kwargs]))) == 2 and name in ("Multiply", "Add"):
        scale, offset = (numbers[0], 0.0) if name == "Multiply" else (1.0, numbers[0])
        class_name, config = "Rescaling", {"scale": float(scale), "offset": float(offset)}
    if config is None or not (graph.spec(sources[0]).dtype or "").startswith("float"):
        return None
    inputs = (graph.address(sources[0]),)
    edit = Replace(layer=operation.path, class_name=class_name, config=config, inputs=inputs)
    return Fix.unsafe(f"use {class_name}, which keeps the mask", "padding is no longer treated as data", edit)


def _masked_arguments(graph: ModelGraph, call: Call, layer: Layer) -> Iterator[Tensor]:
    """The tensors whose mask a call would use and does not receive explicitly."""
    traits = layer.traits
    if any(call.kwargs.get(key) is not None for key in _MASK_ARGUMENTS):
        return
    if _reads_sequence(layer) or (traits.family is Family.GLOBAL_POOLING and traits.uses_mask):
        value = call.args[0] if call.args else call.kwargs.get("inputs")
        yield from _tensors([value])
    elif traits.query_mask:
        yield from _tensors([call.args[1] if len(call.args) > 1 else call.kwargs.get("value")])
    elif traits.family is Family.ATTENTION and call.args and isinstance(call.args[0], (list, tuple)):
        yield from _tensors(list(call.args[0])[1:2])


def _reads_sequence(layer: Layer) -> bool:
    """Whether a layer carries a state over a sequence of vectors."""
    return layer.traits.recurrent and layer.traits.rank is None


def _tensors(values: list[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Tensor):
            yield value[0]


def _receives(graph: ModelGraph, call: Call) -> bool:
    return bool(graph.in_edges(call.id, MASK))


def _last_step_matters(graph: ModelGraph, call: Call, layer: Layer) -> bool:
    """Whether a recurrent layer's last step or state, which is that of the padding, is used."""
    if not _reads_sequence(layer) or layer.traits.family is not Family.RECURRENT:
        return False
    if layer.config.get("return_sequences") is not True:
        return True
    states = [Tensor(call.id, output) for output in range(1, len(call.outputs))]
    return any(graph.consumers(state) or graph.is_output(state) for state in states)


def _keeps_time(graph: ModelGraph, call: Call, layer: Layer) -> bool:
    if _reshapes(layer):
        return True
    if layer.is_operation:
        traits = layer.operation
        along = traits.batch in (Batch.KEPT, Batch.AXIS) and not traits.reduction
        return traits.broadcasting or along or traits.name in ("Concatenate", "GetItem")
    return layer.traits.per_step or (layer.is_keras and is_lambda(layer))


def _reshapes(layer: Layer) -> bool:
    return (layer.traits.name or layer.operation.name) in _RESHAPING


def _unfolded(graph: ModelGraph, call: Call) -> list[Tensor]:
    """What a call receives; of a Squeeze that undoes an ExpandDims, what that received."""
    sources = graph.producers(call.id)
    folded = graph.layer(call.id).operation.name == "Squeeze" and len(sources) == 1
    if folded and graph.layer(sources[0].call).operation.name == "ExpandDims":
        return graph.producers(sources[0].call)
    return sources


def _same_time(graph: ModelGraph, source: Tensor, output: Tensor) -> bool:
    before, after = graph.spec(source).shape, graph.spec(output).shape
    if before is None or after is None or not len(before) == len(after) >= 3:
        return False
    if _reshapes(graph.layer(output.call)):
        return before == after and None not in before[1:]
    return before[1] == after[1] or _slices_time(graph.layer(output.call), graph.calls[output.call])


def _slices_time(layer: Layer, call: Call) -> bool:
    """Whether a call takes some of the steps, as ``x[:, 1:]`` does."""
    key = argument(layer, call, 1, "key") if layer.operation.name == "GetItem" else None
    return (
        isinstance(key, (list, tuple))
        and len(key) > 1
        and isinstance(key[1], Constant)
        and key[1].kind == ConstantKind.SLICE
    )
