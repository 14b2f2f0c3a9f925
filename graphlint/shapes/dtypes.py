"""Dtypes: what a policy computes in, and the promotion rules of Keras (the lattice of JAX)."""

from __future__ import annotations

from typing import Any

FLOATX = "float32"
"""Keras's default float type; a file does not say whether it was changed, but its layers name their own dtypes."""

_COMPUTE = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


def compute_dtype(policy: str | None) -> str:
    """What a layer with this dtype policy computes in.

    >>> compute_dtype("mixed_float16"), compute_dtype("int8_from_mixed_bfloat16"), compute_dtype(None)
    ('float16', 'bfloat16', 'float32')
    """
    if policy is None:
        return FLOATX
    if policy.startswith("map_"):
        policy = policy[4:]
    policy = policy.rpartition("_from_")[2]
    return _COMPUTE.get(policy, policy)


def variable_dtype(policy: str | None) -> str:
    """What a layer with this dtype policy keeps its variables in.

    >>> variable_dtype("mixed_float16"), variable_dtype("float64")
    ('float32', 'float64')
    """
    return "float32" if policy is not None and "mixed_" in policy else compute_dtype(policy)


def is_float(dtype: str | None) -> bool:
    return dtype is not None and "float" in dtype


# What each dtype promotes to in one step; "i*", "f*" are Python numbers.
_STEPS: dict[str, tuple[str, ...]] = {
    "bool": ("i*",),
    "i*": ("uint8", "int8", "complex64"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("f*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("f*",),
    "f*": ("float16", "bfloat16"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}


def _above(dtype: str) -> set[str]:
    found = {dtype}
    stack = [dtype]
    while stack:
        for step in _STEPS[stack.pop()]:
            if step not in found:
                found.add(step)
                stack.append(step)
    return found


_ABOVE = {dtype: _above(dtype) for dtype in _STEPS}


def result_type(*dtypes: Any) -> str | None:
    """The dtype of an operation on these dtypes; the types ``int``, ``float`` and ``bool`` stand for plain numbers.

    None if a dtype is unknown or does not promote.

    >>> result_type("int32", "float16"), result_type("uint8", "int8"), result_type("int32", float)
    ('float16', 'int16', 'float32')
    """
    weak = {int: "i*", float: "f*", bool: "bool", "int": "i*", "float": "f*"}
    nodes = {weak.get(dtype, dtype) for dtype in dtypes}
    if not nodes:
        return FLOATX
    if not all(node in _ABOVE for node in nodes):
        return next(iter(nodes)) if len(nodes) == 1 and None not in nodes else None
    common = set.intersection(*(_ABOVE[node] for node in nodes))
    found = next((node for node in common if common <= _ABOVE[node]), None)
    return {"i*": "int32", "f*": FLOATX, "complex128": "complex64"}.get(found, found) if found is not None else None


def standard(dtype: Any) -> str | None:
    """The name of a dtype as Keras writes it on a tensor.

    >>> standard("int"), standard("float"), standard(bool)
    ('int64', 'float32', 'bool')
    """
    names = {int: "int64", float: "float32", bool: "bool", "int": "int64", "float": FLOATX}
    found = names.get(dtype, dtype) if isinstance(dtype, (str, type)) else None
    return found if isinstance(found, str) else None
