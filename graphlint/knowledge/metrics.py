"""What is known of the names of metrics."""

from __future__ import annotations

from graphlint.knowledge.losses import loss_row
from graphlint.knowledge.naming import snake_case
from graphlint.knowledge.tables import read_table

_SHORT = {"acc": "accuracy", "ce": "crossentropy"}
"""Names for which ``compile`` chooses a metric by the shape of the output."""


def metric_name(name: str) -> str:
    """The name of a metric by any of its names or its class; a name that Keras does not know stays as it is.

    >>> metric_name("acc"), metric_name("MSE"), metric_name("MeanAbsoluteError"), metric_name("mine")
    ('accuracy', 'mean_squared_error', 'mean_absolute_error', 'mine')
    """
    short = _SHORT.get(name.lower())
    if short is not None:
        return short
    if name in read_table("metrics"):
        return snake_case(name)
    row = loss_row(name)
    return name if row is None else row.name


def is_automatic_name(class_name: str, name: str) -> bool:
    """Whether a metric has the name that its class gives it, perhaps with a number that only counts.

    >>> [is_automatic_name("BinaryIoU", name) for name in ("binary_io_u_1", "overlap")]
    [True, False]
    """
    base, _, number = name.rpartition("_")
    flat = (base if base and number.isdecimal() else name).replace("_", "").lower()
    return class_name.lower() in (flat, f"{flat}error")
