"""H007: masks that a layer drops before a layer that would use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Replace
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import flat
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.model.masks import masked
from graphlint.questions.needed_masks import (
    keeps_time,
    last_step_matters,
    masked_arguments,
    receives,
    same_time,
    unfolded,
)

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
            for tensor in masked_arguments(graph, call, layer):
                if tensor in carried:
                    if not receives(graph, call) and last_step_matters(graph, call, layer):
                        dropped.setdefault(call.id, (carried[tensor], []))
                elif tensor in lost:
                    where, maker = lost[tensor]
                    dropped.setdefault(where, (maker, []))[1].append(call.id)
            output = Tensor(call.id, 0)
            if output not in carried and keeps_time(graph, call, layer):
                for source in unfolded(graph, call):
                    if source in carried and same_time(graph, source, output):
                        lost[output] = (call.id, carried[source])
                    elif source in lost and same_time(graph, source, output):
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
