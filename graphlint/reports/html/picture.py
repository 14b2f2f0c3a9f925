"""What the page of one model shows, as plain data. It is made while the graph and the stored numbers are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphlint.knowledge.releases import RELEASES
from graphlint.portability.obstacles import obstacles
from graphlint.questions.optimizer_slots import match_slots, optimizer_slots
from graphlint.reports.canvas.canvas import canvas
from graphlint.reports.canvas.captions import name, shown
from graphlint.reports.canvas.distribution import distribution
from graphlint.reports.canvas.places import Places
from graphlint.reports.html.cards import card
from graphlint.reports.html.defaults import settings

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.model.graph import Layer, ModelGraph, Variable
    from graphlint.reports.report import ModelReport

_MOST_LISTED = 500


def picture(
    graph: ModelGraph,
    findings: Iterable[Finding] = (),
    model: str = "",
    *,
    numbers: bool = True,
    marks: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The data of a page. With ``numbers`` the stored values are read, for their distribution; ``marks`` has marks
    for some calls."""
    return _Picture(graph, numbers).data(list(findings), model, marks or {})


def of_report(model: ModelReport) -> dict[str, Any] | None:
    """The data of the page of a model that was checked; None if it has no graph."""
    return None if model.graph is None else picture(model.graph, model.findings, model.path)


class _Picture:
    def __init__(self, graph: ModelGraph, numbers: bool) -> None:
        self.graph = graph
        self.numbers = numbers
        self.index = {path: number for number, path in enumerate(graph.layers)}
        self.configs: dict[str, int] = {}
        self.config_rows: list[Any] = []
        self.slots = dict(self.optimizer_state())

    def data(self, findings: list[Finding], model: str, marks: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        graph = self.graph
        drawn = canvas(graph, self.index)
        drawn.mark(marks)
        places = Places(graph, drawn)
        return {
            "root": name(graph.root.name),
            "class": name(graph.root.class_name or ""),
            "shape": drawn.shape,
            "inputs": [name(graph.address(call)) for call in graph.inputs],
            "canvas": drawn.data(),
            "layers": [self.layer(layer) for layer in graph.layers.values()],
            "configs": self.config_rows,
            "findings": [card(finding, model, places.of(finding)) for finding in findings],
            "compile": list(self.compilation()),
            "releases": [[release, self.release(number)] for number, release in enumerate(RELEASES)],
            "custom": self.custom(),
        }

    # -- layers -------------------------------------------------------------------------------------------------

    def layer(self, layer: Layer) -> dict[str, Any]:
        graph = self.graph
        data: dict[str, Any] = {"p": name(layer.path), "c": name(layer.class_name or "(unknown class)")}
        if layer.module and not layer.is_keras:
            data["module"] = name(layer.module)
        if layer.dtype_policy and layer.dtype_policy != "float32":
            data["policy"] = name(layer.dtype_policy)
        if not layer.trainable:
            data["fixed"] = 1
        if layer.aliases:
            data["aliases"] = [name(alias) for alias in layer.aliases[:20]]
        if layer.definition.opaque_because:
            data["because"] = shown(layer.definition.opaque_because)
        if layer.config:
            data["g"] = self.config(layer)
        if variables := graph.variables_of(layer.path):
            data["v"] = [self.variable(variable) for variable in variables]
        if not layer.container and (children := graph.children.get(layer.path)):
            data["in"] = [self.index[child] for child in children]
        return data

    def config(self, layer: Layer) -> int:
        rows = [[name(key), shown(value, 300), int(differs)] for key, value, differs in settings(layer)]
        key = json.dumps(rows)
        if key not in self.configs:
            self.configs[key] = len(self.config_rows)
            self.config_rows.append(rows)
        return self.configs[key]

    def variable(self, variable: Variable) -> dict[str, Any]:
        graph = self.graph
        data: dict[str, Any] = {"s": name(variable.slot), "d": list(variable.shape), "t": name(variable.dtype)}
        if not variable.trainable:
            data["f"] = 1
        if variable.id not in graph.live_nodes:
            data["u"] = 1
        holders = graph.holders(variable.id)
        if len(holders) > 1:
            data["h"] = [name(holder) for holder in holders]
        if self.numbers and variable.values is not None:
            found = distribution(variable.values)
            if found is not None:
                data["n"] = found
        if variable.id in self.slots:
            data["o"] = self.slots[variable.id]
        return data

    def optimizer_state(self) -> Iterator[tuple[str, list[Any]]]:
        """For each trainable variable, the shapes and distributions of what the optimizer keeps for it."""
        slots = optimizer_slots(self.graph)
        matched = None if slots is None else match_slots(self.graph, slots)
        for group in matched or ():
            if len(group.variables) != 1:
                continue
            rows = []
            for slot, _ in group.slots:
                values = distribution(slot.values) if self.numbers and slot.values is not None else None
                rows.append([name(slot.slot), values])
            yield group.variables[0].id, rows

    # -- tabs ---------------------------------------------------------------------------------------------------

    def compilation(self) -> Iterator[list[str]]:
        graph = self.graph
        for key, value in (graph.compile_config or {}).items():
            if key != "optimizer" and value not in (None, [], {}):
                yield [name(str(key)), shown(json.dumps(value, default=str), 600)]
        optimizer = graph.optimizer
        if optimizer is not None:
            yield ["optimizer", name(optimizer.class_name)]
            for key, value in optimizer.config.items():
                if value not in (None, False):
                    yield [f"optimizer · {name(str(key))}", shown(json.dumps(value, default=str), 300)]
            yield ["optimizer · variables", f"{len(optimizer.variables):,}"]

    def release(self, number: int) -> list[list[str]]:
        """What prevents a release from loading the model."""
        found = obstacles(self.graph, number)
        return [
            [shown(one.message, 600), shown(one.hint, 600), ", ".join(map(name, one.layers[:3]))] for one in found[:10]
        ]

    def custom(self) -> list[list[str]]:
        """Classes that are not Keras's own, with where the file says they are, and one layer of each."""
        found: dict[tuple[str, str], str] = {}
        for layer in self.graph.layers.values():
            if layer.class_name is not None and not layer.is_keras and not layer.is_operation:
                found.setdefault((name(layer.class_name), name(layer.module or "no module")), name(layer.path))
        return [[*key, path] for key, path in list(found.items())[:_MOST_LISTED]]
