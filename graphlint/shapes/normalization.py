"""Normalizations. All keep the shape of their input."""

from __future__ import annotations

from collections.abc import Iterable

from graphlint.model.definition import Shape
from graphlint.model.dimensions import Dim, axis_of
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, check_build, infer, integer, layer, shape_of


@shape_of(
    "BatchNormalization",
    "SyncBatchNormalization",
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
)
def normalization(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    declared = call.config.get("axis", -1)
    for axis in declared if isinstance(declared, (list, tuple)) else [declared]:
        axis_of(integer(axis), len(shape))
        if call.layer.class_name != "UnitNormalization":
            check_build(call, shape, integer(axis), f"on axis {axis}")
    return shape


@layer("SpectralNormalization")
def spectral_normalization(call: LayerCall) -> Outcome:
    """Mirrors ``SpectralNormalization.compute_output_shape``."""
    found = infer(call.child("layer"), (call.tensor(),), {})
    if found is None:
        raise Insufficient
    return found
