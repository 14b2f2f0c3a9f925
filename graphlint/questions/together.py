"""What belongs to which of several models: the facts that a report gives of them, whatever rules find."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphlint.model.graph import ModelGraph
from graphlint.questions.kin import Kin, kin
from graphlint.questions.training import owners, shared, size, trainings


@dataclass(frozen=True, slots=True)
class Part:
    """One of several models: its parameters, how many of them others hold too, and how many it trains.

    ``trains`` is None where its own training step decides that. ``begun`` says how far training has come.
    """

    name: str
    parameters: int
    shared: int
    trains: int | None
    begun: str


@dataclass(frozen=True, slots=True)
class SharedPart:
    """A layer that several models hold: where it is called how often, and which of them train it.

    ``models`` are names, ``calls`` the number of its calls in each, ``trained_by`` the names of those that train any of
    its variables.
    """

    address: str
    class_name: str | None
    parameters: int
    models: tuple[str, ...]
    calls: tuple[tuple[str, int], ...]
    trained_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Several models as one: their parts, and what they share."""

    parts: tuple[Part, ...]
    shared: tuple[SharedPart, ...]
    kin: tuple[Kin, ...] = ()
    """Pairs of files, or of a file and a model in memory, with equal weights."""


def together(graph: ModelGraph) -> Together:
    """What the models of a graph hold, train and share."""
    both = shared(graph)
    every = trainings(graph)
    parts = []
    for training in every:
        member = training.member
        mine = [one.id for one in graph.variables_below(member.layer)]
        trains = size(graph, training.variables) if training.known else None
        parts.append(
            Part(
                member.name,
                size(graph, mine),
                size(graph, (one for one in mine if one in both)),
                trains,
                training.begun,
            )
        )
    groups: dict[tuple[str, ...], list[str]] = {}
    for one, members in both.items():
        groups.setdefault(tuple(member.name for member in members), []).append(one)
    found = []
    for models, ids in groups.items():
        wanted = set(ids)
        for path in owners(graph, ids):
            inside = [one.id for one in graph.variables_below(path) if one.id in wanted]
            sites = graph.container_calls(path) or graph.call_sites(path)
            calls = Counter(graph.member_of(site).name for site in sites)
            trained = [one.member.name for one in every if one.variables & {*inside}]
            found.append(
                SharedPart(
                    graph.address(path),
                    graph.layers[path].class_name,
                    size(graph, inside),
                    models,
                    tuple((name, calls[name]) for name in models if calls[name]),
                    tuple(trained),
                )
            )
    order = {path: place for place, path in enumerate(graph.layers)}
    found.sort(key=lambda one: order[one.address])
    return Together(tuple(parts), tuple(found), tuple(kin(graph)))
