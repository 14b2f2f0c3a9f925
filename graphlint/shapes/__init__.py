"""What the calls of a model return, and what its layers hold, inferred without running anything."""

from graphlint.model.dimensions import ShapeError
from graphlint.shapes import (  # noqa: F401  (importing a family registers it)
    applications,
    attention,
    convolution,
    dense,
    legacy_operations,
    merging,
    normalization,
    operations_elementwise,
    operations_linear,
    operations_nn,
    operations_shape,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
)
from graphlint.shapes.inference import infer
from graphlint.shapes.slot import Slot
from graphlint.shapes.slots import slots

__all__ = ["ShapeError", "Slot", "infer", "slots"]
