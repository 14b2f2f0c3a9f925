"""How many indices a lookup layer gives."""

from __future__ import annotations

from graphlint.model.definition import LayerDefinition


def vocabulary_size(layer: LayerDefinition) -> int | None:
    """The words of a lookup layer and the indices for masked and unknown ones; None if that is not known."""
    config = layer.config
    words, counted = config.get("vocabulary"), config.get("vocabulary_size")
    if not isinstance(words, list):
        if layer.vocabulary_size is not None:
            return layer.vocabulary_size
        return counted if isinstance(counted, int) else None
    mask, unknown, oov = config.get("mask_token"), config.get("num_oov_indices", 1), config.get("oov_token", "[UNK]")
    if layer.traits.name == "TextVectorization":
        mask, unknown, oov = "", 1, "[UNK]"
    if not isinstance(unknown, int):
        return None
    masked = int(mask is not None and config.get("output_mode", "int") == "int")
    given = words[:masked] == [mask] * masked and words[masked : masked + unknown].count(oov) == unknown
    return len(words) + (0 if given else masked + unknown)
