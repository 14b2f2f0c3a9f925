"""The settings of a layer, those first that differ from what its class has without them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphlint.knowledge.defaults import is_default

if TYPE_CHECKING:
    from graphlint.model.graph import Layer

_ELSEWHERE = frozenset({"name", "build_config"})


def settings(layer: Layer) -> list[tuple[str, str, bool]]:
    """Key, value as text and whether it differs; of a layer that is not Keras's own, all may."""
    found = []
    for key, value in layer.config.items():
        if key not in _ELSEWHERE:
            known = layer.is_keras and isinstance(key, str) and is_default(layer.class_name or "", key, value)
            found.append((str(key), _text(value), not known))
    return sorted(found, key=lambda row: not row[2])


def _text(value: Any) -> str:
    """A setting as text: a serialized object by its name and what is in it."""
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        config = value.get("config")
        if isinstance(config, str):
            return config
        inside = {k: v for k, v in config.items() if v is not None} if isinstance(config, dict) else {}
        return f"{value['class_name']}" + (f" {json.dumps(inside, default=str)}" if inside else "")
    return value if isinstance(value, str) else json.dumps(value, default=str)
