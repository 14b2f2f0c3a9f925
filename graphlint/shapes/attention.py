"""Attention layers."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import LayerDefinition, Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, agree, shape_text
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, integer, layer
from graphlint.shapes.slot import Slot, slot


@layer("Attention", "AdditiveAttention")
def attention(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shapes = [spec.shape for spec in call.tensors() if spec.shape is not None]
    if len(shapes) not in (2, 3):
        raise ShapeError(f"got {len(shapes)} inputs, expected [query, value] or [query, value, key]")
    query, value, key = shapes[0], shapes[1], shapes[-1]
    sums = call.layer.class_name == "AdditiveAttention" or call.config.get("score_mode") == "concat"
    if not all(shapes) or not (agree(query[-1], key[-1]) or (sums and 1 in (query[-1], key[-1]))):
        raise ShapeError(
            f"got a query of shape {shape_text(query)} and a key of shape {shape_text(key)}, "
            "expected equal last dimensions"
        )
    outputs: list[Shape] = [(*query[:-1], value[-1])]
    if call.argument(2, "return_attention_scores", False) is True:
        outputs.append((*query[:-1], key[-2]))
    return call.returns(*outputs)


@layer("MultiHeadAttention")
def multi_head_attention(call: LayerCall) -> Outcome:
    """Mirrors ``MultiHeadAttention.compute_output_spec``."""
    query, value, key = _query_value_key(call)
    if len(value) != len(key) or not all(agree(*dims) for dims in zip(value[1:-1], key[1:-1], strict=True)):
        raise ShapeError(
            f"got a value of shape {shape_text(value)} and a key of shape {shape_text(key)}, expected equal sequences"
        )
    declared = call.config.get("output_shape")
    if isinstance(declared, int):
        declared = [declared]
    if declared is not None and not isinstance(declared, (list, tuple)):
        raise Insufficient
    output = (*query[:-1], *map(integer, declared)) if declared else query
    if call.argument(4, "return_attention_scores", False) is not True:
        return call.returns(output)
    # Keras declares square scores, whatever the length of the value.
    return call.returns(output, (query[0], call.integer("num_heads"), query[1], query[1]))


@layer("GroupedQueryAttention", "GroupQueryAttention")
def grouped_query_attention(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    query, value, key = _query_value_key(call)
    if not agree(query[-1], value[-1]):
        raise ShapeError(
            f"got a query of shape {shape_text(query)} and a value of shape {shape_text(value)}, "
            "expected equal last dimensions"
        )
    if call.argument(7, "return_attention_scores", False) is not True:
        return call.returns(query)
    return call.returns(query, (query[0], call.integer("num_query_heads"), query[1], key[1]))


def projections(definition: LayerDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, list[Slot]]:
    """The variables of each sublayer of a MultiHeadAttention that is called with these specs, by its name."""
    try:
        call = LayerCall(definition, args, kwargs, dtype="")
        query, value, key = (shape[-1] for shape in _query_value_key(call))
        heads, width = call.integer("num_heads"), call.integer("key_dim")
        value_width = width if call.config.get("value_dim") is None else call.integer("value_dim")
        declared = call.config.get("output_shape")
        outputs = [query] if not declared else declared if isinstance(declared, list) else [declared]
    except (Insufficient, ShapeError):
        return {}
    kernels: dict[str, tuple[list[Dim], list[Dim]]] = {
        "query_dense": ([query], [heads, width]),
        "key_dense": ([key], [heads, width]),
        "value_dense": ([value], [heads, value_width]),
        "output_dense": ([heads, value_width], outputs),
    }
    biased = bool(call.config.get("use_bias", True))
    return {
        name: [slot("kernel", *entering, *leaving), *([slot("bias", *leaving)] if biased else [])]
        for name, (entering, leaving) in kernels.items()
    }


def _query_value_key(call: LayerCall) -> tuple[Shape, Shape, Shape]:
    query, value = call.shape(0, "query"), call.shape(1, "value")
    given = call.argument(2, "key")
    key = given.shape if isinstance(given, TensorSpec) else value
    if key is None or min(len(query), len(value), len(key)) < 2:
        raise Insufficient
    return query, value, key
