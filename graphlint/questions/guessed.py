"""What a closed layer probably holds, in words."""

from __future__ import annotations

from collections.abc import Iterable

from graphlint.model.graph import ModelGraph


def guesses_below(graph: ModelGraph, path: str) -> dict[str, str]:
    """The guessed class of each layer inside another one that has no known class, by path."""
    found = {}
    for layer in graph.layers_below(path):
        if layer.path != path and layer.class_name is None and layer.guessed_class is not None:
            found[layer.path] = layer.guessed_class
    return found


def described(classes: Iterable[str | None], most: int = 3) -> str:
    """Guesses as a message has them: the most frequent first.

    >>> described(["Dense", "LayerNormalization", "Dense", None])
    '2 Dense, LayerNormalization'
    """
    counts: dict[str, int] = {}
    for one in classes:
        if one is not None:
            counts[one] = counts.get(one, 0) + 1
    ordered = sorted(counts, key=lambda name: -counts[name])
    shown = [f"{counts[name]} {name}" if counts[name] > 1 else name for name in ordered[:most]]
    return ", ".join([*shown, "..."] if len(ordered) > most else shown)
