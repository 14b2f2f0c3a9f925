"""Which boxes a finding is about."""

from __future__ import annotations

from collections.abc import Iterable

from graphlint.findings.finding import Finding, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.reports.canvas.canvas import Canvas

_MOST_RELATED = 50


class Places:
    """Which nodes and groups of a canvas a finding is about."""

    def __init__(self, graph: ModelGraph, drawn: Canvas) -> None:
        self.graph = graph
        self.drawn = drawn
        self.by_address: dict[str, int] = {}
        for call, node in drawn.node_of.items():
            self.by_address[graph.address(call)] = node
            outputs = len(graph.calls[call].outputs)
            if 1 < outputs <= 64:
                self.by_address |= {graph.address(Tensor(call, output)): node for output in range(outputs)}
        self.scopes = {graph.address(scope): group for scope, group in drawn.group_of.items()}

    def of(self, finding: Finding) -> dict[str, list[int]]:
        """``nodes`` or ``groups`` where it is, and the ``related`` nodes; empty if it is about the whole model."""
        if finding.location is None:
            return {}
        found = self.at(finding.location.address, finding.location.layer)
        related: list[int] = []
        for address in finding.related[:_MOST_RELATED]:
            related += self.at(address, address.partition("@")[0]).get("nodes", ())
        if related:
            found["related"] = related
        return found

    def at(self, address: str, layer: str) -> dict[str, list[int]]:
        """``nodes`` or ``groups`` at an address; those of the layer where the address is none of a call."""
        if address in self.by_address:
            return {"nodes": [self.by_address[address]]}
        if address in self.scopes and address != ROOT:
            return {"groups": [self.scopes[address]]}
        graph, path = self.graph, self.graph.aliases.get(layer, layer)
        if path == ROOT or path not in graph.layers:
            return {}
        groups = self.drawn.group_of
        if found := [groups[scope] for scope in graph.container_calls(path) if scope in groups]:
            return {"groups": found}
        nodes = [self.drawn.node_of[call] for call in graph.call_sites(path) if call in self.drawn.node_of]
        return {"nodes": nodes} if nodes else {}

    def mark(self, findings: Iterable[Finding]) -> set[int]:
        """Put the worst severity on each node and group (``e``), and return the nodes that findings are about."""
        about: set[int] = set()
        for finding in findings:
            places = self.of(finding)
            for holders, indices in ((self.drawn.nodes, "nodes"), (self.drawn.groups, "groups")):
                for index in places.get(indices, ()):
                    known = holders[index].get("e")
                    if known is None or Severity(known).rank > finding.severity.rank:
                        holders[index]["e"] = finding.severity.value
            about.update(places.get("nodes", ()))
            for group in places.get("groups", ()):
                about.update(self.drawn.nodes_in(group))
        return about
