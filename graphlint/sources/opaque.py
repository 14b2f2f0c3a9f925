"""Files that hold no configuration of a model, and all the same something to report."""

from __future__ import annotations

from graphlint.model.definition import Format, FrontEnd, LayerDefinition, ModelDefinition, SourceProblem


def opaque(format: Format, problems: list[SourceProblem], version: str | None = None) -> ModelDefinition:
    """A model of which nothing is seen but what the problems tell."""
    root = LayerDefinition("model", None, is_model=True, opaque=True)
    return ModelDefinition(root, FrontEnd.STATIC, format, keras_version=version, problems=problems, has_graph=False)
