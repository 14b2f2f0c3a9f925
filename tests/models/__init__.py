"""Public architectures as they are usually written, built small, and compiled where a training script would do it."""

from tests.models import (
    classification,
    composition,
    generation,
    reinforcement,
    segmentation,
    sequences,
    similarity,
    tables,
    transformers,
    video,
)
from tests.models.registry import ARCHITECTURES

__all__ = [
    "ARCHITECTURES",
    "classification",
    "composition",
    "generation",
    "reinforcement",
    "segmentation",
    "sequences",
    "similarity",
    "tables",
    "transformers",
    "video",
]
