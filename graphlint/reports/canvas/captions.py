"""What is written in a box: the class with its main argument, and a text that is safe and short enough to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphlint.questions.heads import activation_name
from graphlint.reports.safe import in_line

if TYPE_CHECKING:
    from graphlint.model.graph import Layer

LONGEST_NAME = 200
LONGEST_TEXT = 4000
_TIMES = "\N{MULTIPLICATION SIGN}"


def shown(text: str, most: int = LONGEST_TEXT) -> str:
    """A text from a model, safe to show, and cut where it is too long to be read.

    >>> shown("a" * 30, 10)
    'aaaaaaaaaa… (30 characters)'
    """
    if len(text) <= most:
        return in_line(text)
    return f"{in_line(text[:most])}… ({len(text):,} characters)"


def name(text: str) -> str:
    """A name or address, safe to show."""
    return shown(text, LONGEST_NAME)


def caption(layer: Layer) -> str:
    """The class of a layer with its main argument and its activation."""
    described = layer.class_name or "(unknown class)"
    for part in _arguments(layer.config):
        described += f" {part}"
    return name(described)


def activation(layer: Layer) -> str | None:
    """The activation that a layer applies at its end, where that is its own argument; None for none."""
    found = activation_name(layer.config.get("activation"))
    return None if found in (None, "linear") else found


def _arguments(config: dict[str, Any]) -> Iterable[str]:
    found = []
    filters, kernel = config.get("filters"), _sizes(config.get("kernel_size"))
    if isinstance(filters, int):
        found.append(f"{filters}")
    if kernel is not None:
        found.append(kernel)
    if isinstance(config.get("input_dim"), int) and isinstance(config.get("output_dim"), int):
        found.append(f"{config['input_dim']}→{config['output_dim']}")
    if isinstance(config.get("num_heads"), int):
        found.append(f"{config['num_heads']} heads")
    for key in ("units", "intermediate_dim", "rate", "pool_size", "size", "target_shape", "dims", "equation", "n"):
        value = config.get(key)
        if isinstance(value, bool):
            continue
        if isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= 30):
            found.append(f"{value}")
        elif (sizes := _sizes(value)) is not None:
            found.append(sizes)
    strides = _sizes(config.get("strides"))
    if strides is not None and set(strides) - {"1", _TIMES}:
        found.append(f"/{strides}")
    applied = activation_name(config.get("activation")) if "activation" in config else None
    if applied not in (None, "linear"):
        found.append(f"{applied}")
    return found[:4]


def _sizes(value: Any) -> str | None:
    if isinstance(value, (list, tuple)) and 0 < len(value) <= 6 and all(isinstance(one, int) for one in value):
        return _TIMES.join(map(str, value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
