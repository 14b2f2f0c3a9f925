"""A Functional model and a subclass with the same code give the same calls, edges and findings."""

from __future__ import annotations

from typing import Any

import pytest

from graphlint.engine.linter import Linter
from graphlint.knowledge import keras_internals
from graphlint.model.definition import Constant
from graphlint.model.expand import expand
from graphlint.model.graph import MASK, TENSOR, ModelGraph, Tensor
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES
from tests.tracing.twins import twin

OTHERWISE = {"K", "S", "A", "T", "N"}
"""Families that ask what a file holds, how a model is compiled or trained, or name a layer by where it lies."""


def calls(graph: ModelGraph) -> list[Any]:
    """Each call as its class, configuration and arguments, tensors by the number of the call they come from."""
    number = {call: place for place, call in enumerate(graph.calls)}

    def leaf(value: Any) -> Any:
        if isinstance(value, Tensor):
            return number[value.call], value.output
        return (value.kind, value.shape) if isinstance(value, Constant) else value

    found = []
    for call in graph.calls.values():
        layer = graph.layer(call.id)
        config = {} if layer.is_input else {key: value for key, value in layer.config.items() if key != "name"}
        arguments = {path: leaf(value) for path, value in graph.leaves(call.id) if value is not None}
        arguments.pop("training", None)  # Keras itself writes it into the calls of a Functional model.
        found.append((layer.class_name, config, arguments))
    return found


def edges(graph: ModelGraph) -> list[Any]:
    number = {call: place for place, call in enumerate(graph.calls)}
    return sorted(
        (number[one], number[other], data["kind"], data["output"], data["argument"])
        for one, other, data in graph.nx.edges(data=True)
        if data["kind"] in (TENSOR, MASK)
    )


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "subclassed"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_subclass_with_the_same_code_has_the_same_graph(name: str) -> None:
    model = SAMPLES[name]()
    assert keras_internals.graph_model(model) is not None and keras_internals.runs_its_graph(model)
    other = twin(model)
    one, two = expand(read_live(model, open_layers=True)), expand(read_live(other, open_layers=True))
    assert two.root.traced
    assert calls(two) == calls(one)
    assert edges(two) == edges(one)
    assert len(two.outputs) == len(one.outputs)
    linter = Linter()
    reports = [linter.check_model(model, open_layers=True), linter.check_model(other, open_layers=True)]
    codes = [sorted(found.code for found in report.findings if found.code[0] not in OTHERWISE) for report in reports]
    assert codes[0] == codes[1]
