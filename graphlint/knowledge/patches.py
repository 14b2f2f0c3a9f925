"""What parsing the sources of a Keras release does not show, or shows wrongly, corrected by hand.

Each correction names the releases that it holds for and why. One that changes nothing in a release is an error when the
tables are written, so that none outlives its reason.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Names of one kind, or arguments of one class, that some releases have (or, if ``absent``, have not).

    The releases are those from ``since`` up to and with ``until``, or all later ones.
    """

    kind: str
    names: tuple[str, ...]
    of: str | None = None
    since: str
    until: str | None = None
    absent: bool = False
    reason: str


PATCHES = (
    Patch(
        kind="initializers",
        names=("Identity",),
        since="3.0",
        until="3.1",
        absent=True,
        reason="exported, but not among ALL_OBJECTS, where the classes of an HDF5 file are looked up",
    ),
    Patch(
        kind="initializers",
        names=("IdentityInitializer",),
        since="3.0",
        until="3.6",
        absent=True,
        reason="exported, but not in ALL_OBJECTS_DICT, where the classes of an HDF5 file are looked up",
    ),
    Patch(
        kind="initializers",
        names=("Orthogonal",),
        since="3.0",
        until="3.3",
        absent=True,
        reason="exported, but not in ALL_OBJECTS_DICT, where the classes of an HDF5 file are looked up",
    ),
    Patch(
        kind="quantizations",
        names=("int8",),
        since="3.1",
        until="3.2",
        reason="compared with as a text, before there was QUANTIZATION_MODES",
    ),
    Patch(
        kind="dtype_policies",
        names=("QuantizedDTypePolicy",),
        since="3.1",
        until="3.3",
        absent=True,
        reason="exported, but made from a name alone: it refuses the mode and the source that configurations have",
    ),
    Patch(
        kind="dtype_policies",
        names=("QuantizedFloat8DTypePolicy",),
        since="3.3",
        until="3.3",
        absent=True,
        reason="exported, but made from a name alone: it refuses the mode and the source that configurations have",
    ),
    Patch(
        kind="optimizers",
        names=(
            "clipnorm",
            "clipvalue",
            "ema_momentum",
            "ema_overwrite_frequency",
            "global_clipnorm",
            "gradient_accumulation_steps",
            "loss_scale_factor",
            "use_ema",
            "weight_decay",
        ),
        of="LossScaleOptimizer",
        since="3.12",
        reason="taken out of the keyword arguments in a loop, and accepted if they are the defaults",
    ),
)
