"""Where masks travel: one routine for both front ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlint.graph.model_graph import ModelGraph


def add_mask_edges(graph: ModelGraph) -> None:
    """Add the mask edges that Keras derives at run time and does not record."""
