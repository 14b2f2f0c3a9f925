"""Nested structures of specs."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import TensorSpec, flat
from graphlint.shapes.inference import Insufficient, as_spec


def flat_specs(structure: Any) -> list[TensorSpec]:
    """The specs of a structure in Keras's order; plain values have none."""
    found = [as_spec(leaf) for leaf in flat(structure)]
    specs = [spec for spec in found if spec is not None]
    if not specs:
        raise Insufficient
    return specs
