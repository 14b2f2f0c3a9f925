"""The variables of quantized layers, in the order of Keras's ``variable_serialization_spec``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from graphlint.model.dimensions import Dim, multiply
from graphlint.shapes.inference import Insufficient, LayerCall, integer
from graphlint.shapes.slot import Slot, frozen, slot

_BLOCK = 128
"""Rows that share one scale, where nothing else is said."""

_FLOAT8 = [
    Slot(name, None if name.endswith("history") else (), True)
    for name in (
        "inputs_scale",
        "inputs_amax_history",
        "kernel_scale",
        "kernel_amax_history",
        "outputs_grad_scale",
        "outputs_grad_amax_history",
    )
]


def quantization_mode(policy: str | None) -> str | None:
    """The quantization mode that a dtype policy names.

    >>> quantization_mode("int4/128_from_float32"), quantization_mode("mixed_float16")
    ('int4', None)
    """
    mode, separator, _ = (policy or "").partition("_from_")
    return mode.partition("/")[0] if separator else None


def _groups(call: LayerCall, rows: Dim) -> tuple[bool, Dim]:
    """Whether the rows are divided into groups with a scale each, and into how many."""
    config = call.config.get("quantization_config")
    inner = config.get("config") if isinstance(config, dict) else None
    policy, _, _ = (call.layer.dtype_policy or "").partition("_from_")
    if isinstance(inner, dict):
        size = inner.get("block_size", inner.get("group_size", _BLOCK))
    else:
        written = policy.rpartition("/")[2] if "/" in policy else str(_BLOCK)
        if not re.fullmatch(r"-?\d+", written):
            raise Insufficient
        size = int(written)
    if size is None or size == -1:
        return False, 1
    return True, None if rows is None else math.ceil(rows / integer(size))


def quantized_kernel(
    call: LayerCall, mode: str, kernel: Sequence[Dim], reduced: Sequence[int], bias: list[Slot], zero: str
) -> list[Slot]:
    """Kernel, bias and scales of a Dense or EinsumDense. ``reduced`` are the kernel axes that are summed over."""
    trainable = not call.config.get("lora_rank")
    if mode == "float8":
        return [slot("kernel", *kernel, trainable=trainable), *bias, *_FLOAT8]
    rows = multiply(*(kernel[axis] for axis in reduced))
    columns = multiply(*(dim for axis, dim in enumerate(kernel) if axis not in reduced))
    if mode == "int8":
        scale = frozen("kernel_scale", columns) if len(kernel) == 2 else Slot("kernel_scale", None, False)
        return [frozen("kernel", *kernel), *bias, scale]
    packed = None if columns is None else (columns + 1) // 2
    if mode == "int4":
        grouped, groups = _groups(call, rows)
        if not grouped:
            return [frozen("kernel", rows, packed), *bias, frozen("kernel_scale", columns)]
        scales = [frozen("kernel_scale", groups, columns), frozen("kernel_zero", groups, columns)]
        return [frozen("kernel", rows, packed), *bias, *scales, frozen("g_idx", rows)]
    if mode not in ("gptq", "awq"):
        raise Insufficient
    if len(kernel) == 3 and None not in kernel:
        # The calibrated modes take the longest axis for the width of the model.
        first = max(range(3), key=lambda axis: kernel[axis] or 0) == 0
        rows = kernel[0] if first else multiply(*kernel[:2])
        columns = multiply(*kernel[1:]) if first else kernel[2]
    _, groups = _groups(call, rows)
    parts = (call.layer.dtype_policy or "").partition("_from_")[0].split("/")
    half = mode == "awq" or len(parts) < 2 or parts[1] == "4"
    width = columns if columns is None or not half else (columns + 1) // 2
    return [
        *bias,
        frozen("kernel", width, rows),
        frozen("kernel_scale", columns, groups),
        frozen(zero, columns, groups),
        *([frozen("awq_scales", rows)] if mode == "awq" else []),
        frozen("g_idx", rows),
    ]


def quantized_embeddings(call: LayerCall, mode: str, rows: int, columns: int, reverse: bool) -> list[Slot]:
    """Table and scales of an Embedding; ``reverse``: with a second table of its own for the way back."""
    packed = (columns + 1) // 2
    if mode == "int8":
        found = [frozen("embeddings", rows, columns), frozen("embeddings_scale", rows)]
        back = [frozen("reverse_embeddings", columns, rows), frozen("reverse_embeddings_scale", rows)]
    elif mode == "int4":
        grouped, groups = _groups(call, columns)
        scale = (rows, groups) if grouped else (rows,)
        found = [frozen("embeddings", rows, packed), frozen("embeddings_scale", *scale)]
        back = [frozen("reverse_embeddings", packed, rows), frozen("reverse_embeddings_scale", *reversed(scale))]
        if grouped:
            found += [frozen("embeddings_zero", *scale), frozen("g_idx", columns)]
            back.append(frozen("reverse_embeddings_zero", *reversed(scale)))
    else:
        raise Insufficient
    return found + (back if reverse else [])
