"""Several models as one definition, so that everything that reads a graph reads theirs.

What they share is found where the graph is built: two definitions are of one layer, or of one variable, if
`graphlint.model.definition.identity` says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphlint.model.definition import (
    Body,
    CallDefinition,
    Format,
    FrontEnd,
    LayerDefinition,
    Member,
    ModelDefinition,
)


def several(definitions: Mapping[str, ModelDefinition]) -> ModelDefinition:
    """The definition of several models together, each by the name that addresses have for it."""
    members = tuple(Member(name, definition) for name, definition in definitions.items())
    roots = [member.definition.root for member in members]
    live = all(one.front_end is FrontEnd.LIVE for one in definitions.values())
    body = Body(list(dict.fromkeys(roots)), [CallDefinition(root) for root in roots], [], outputs=[])
    return ModelDefinition(
        LayerDefinition(", ".join(definitions), None, body=body),
        FrontEnd.LIVE if live else FrontEnd.STATIC,
        Format.LIVE if live else Format.SEVERAL,
        has_weights=any(one.has_weights for one in definitions.values()),
        has_graph=any(one.has_graph for one in definitions.values()),
        members=members,
    )
