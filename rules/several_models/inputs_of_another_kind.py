"""M008: inputs of different shape, dtype or scale to one layer in different models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import shared


class InputsOfAnotherKind(Rule):
    """A shared layer receives another kind of input in one model than in another.

    ## What it does
    Compares what the first layers that models share receive in each of them: rank, channels and dtype, and whether a
    Rescaling or Normalization comes before.

    ## Why is this bad?
    A layer that is trained on pixels between 0 and 1 and served with pixels between 0 and 255 returns something
    else, without an error. Where the data is rescaled before it reaches the model, that is as it should be.

    ## Example
    ```python
    pixels = keras.Input((4,), name="pixels")
    encoder = layers.Dense(8, "relu", name="encoder")
    train = keras.Model(pixels, layers.Dense(1)(encoder(layers.Rescaling(1 / 255)(pixels))))
    serve = keras.Model(pixels, encoder(pixels))
    models = {"train": train, "serve": serve}
    ```

    ## Use instead
    ```python
    pixels = keras.Input((4,), name="pixels")
    encoder = layers.Dense(8, "relu", name="encoder")
    scaled = layers.Rescaling(1 / 255)(pixels)
    train = keras.Model(pixels, layers.Dense(1)(encoder(scaled)))
    serve = keras.Model(pixels, encoder(scaled))
    models = {"train": train, "serve": serve}
    ```

    ## Fix
    None: bring the inputs to one form before the shared layer, in every model.

    ## Not reported
    - unknown dimensions, and spatial or time axes of different length;
    - layers that come after another one that is shared;
    - a model that is one of the models and nested in another, where only the scale differs: a model with the
      preprocessing around the one that was trained is how they are exported.
    """

    code = "M008"
    name = "inputs-of-another-kind"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "As elsewhere: a call that code makes receives what it receives."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        both = shared(graph)
        holders = {path for one in both for path in graph.holders(one)}
        called: dict[str, dict[str, str]] = {}
        for path in graph.layers:
            if path in holders:
                for site in graph.call_sites(path):
                    called.setdefault(path, {}).setdefault(graph.member_of(site).scope, site)
        several = {path: sites for path, sites in called.items() if len(sites) > 1}
        scales, inside = _before(graph, several)
        for path, sites in several.items():
            if any(site in inside for site in sites.values()):
                continue
            (_, first), *others = sites.items()
            here = _received(graph, first)
            for _, site in others:
                there = _received(graph, site)
                if here is None or there is None or (here == there and scales[first] == scales[site]):
                    continue
                if _around(graph, first, site) or _around(graph, site, first):
                    continue
                yield Problem(
                    f"receives {here}{_after(scales[first])} in {graph.member_of(first).name}, and "
                    f"{there}{_after(scales[site])} in {graph.member_of(site).name}",
                    path,
                    "Rescale and cast the data in the same way before the layer in every model.",
                    related=(first, site),
                    key=graph.member_of(site).name,
                )
                break


def _before(graph: ModelGraph, several: Mapping[str, object]) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """The layers that rescale before each call, and the calls that come after a layer of several models."""
    scales: dict[str, tuple[str, ...]] = {}
    inside: set[str] = set()
    for call, node in graph.calls.items():
        found: dict[str, None] = {}
        for edge in graph.in_edges(call):
            found |= dict.fromkeys(scales[edge.source])
            if edge.source in inside or graph.calls[edge.source].layer in several:
                inside.add(call)
        layer = graph.layers[node.layer]
        if layer.traits.family is Family.SCALING:
            found[layer.class_name or layer.name] = None
        scales[call] = tuple(found)
    return scales, inside


def _received(graph: ModelGraph, site: str) -> str | None:
    """The shape and dtype of what a call receives first; sizes between batch and channels may be of any length."""
    edges = graph.in_edges(site)
    if not edges or edges[0].spec.shape is None:
        return None
    shape = edges[0].spec.shape
    free: tuple[int | None, ...] = (None,) * (len(shape) - 1)
    return f"{shape_text((*free, shape[-1]) if shape else shape)} {edges[0].spec.dtype}"


def _after(scales: tuple[str, ...]) -> str:
    return f" after {', '.join(scales)}" if scales else ""


def _around(graph: ModelGraph, inner: str, outer: str) -> bool:
    """Whether the model of one call is nested, whole, in that of the other, which makes the other call there."""
    wanted = graph.member_of(inner).layer
    scope: str | None = graph.calls[outer].scope
    while scope is not None:
        if graph.scopes[scope].layer == wanted:
            return True
        scope = graph.scopes[scope].parent
    return False
