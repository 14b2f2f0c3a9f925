"""What stored names tell about variables without a configuration: in files of weights, inside custom layers."""

from __future__ import annotations

import re

from graphlint.model.definition import LayerDefinition
from graphlint.sources.hdf5 import Dataset

_BATCH_NORMALIZATION = re.compile(r"(^|/)(sync_)?batch_normalization(_\d+)?/vars/\d+$")
_STATISTIC = re.compile(
    r"(^|/)(normalization(_\d+)?/vars/\d+|seed_generator/vars/\d+|moving_(mean|variance|stddev)(:\d+)?)$"
)


def mark_statistics(root: LayerDefinition) -> None:
    """Mark what is not trained in layers of unknown classes: running statistics, states of random generators."""
    stack = [root]
    seen: set[int] = set()
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        stack.extend(layer.children.values())
        stack.extend(layer.body.layers if layer.body is not None else ())
        for variable in layer.variables if layer.class_name is None else ():
            path = variable.values.path if isinstance(variable.values, Dataset) else ""
            batch_statistic = _BATCH_NORMALIZATION.search(path) and variable.index >= len(layer.variables) - 2
            if batch_statistic or _STATISTIC.search(path):
                variable.trainable = False
