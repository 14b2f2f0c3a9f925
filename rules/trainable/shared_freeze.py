"""T006: layers that are frozen because they are shared with a frozen part."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Unfreeze
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import LayerDefinition
from graphlint.model.graph import ModelGraph
from graphlint.questions.sharing import places, shared_across_scopes


class SharedFreeze(Rule):
    """Freezing one part of the model froze a layer that another part also uses.

    ## What it does
    Finds a frozen layer with weights that belongs to a frozen nested model or wrapper and also to a part that is not
    frozen.

    ## Why is this bad?
    A layer has one `trainable` flag. `extractor.trainable = False` freezes every layer in it, for every model that uses
    them: the other part of the model silently stops learning too.

    ## Example
    ```python
    inputs = keras.Input((4,), name="a")
    features = layers.Dense(4, name="features")(inputs)
    extractor = keras.Model(inputs, features, name="extractor")
    extractor.trainable = False
    other = keras.Input((4,), name="b")
    head = layers.Dense(1, name="head")(layers.ReLU()(features))
    model = keras.Model([inputs, other], [head, extractor(other)])
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,), name="a")
    features = layers.Dense(4, name="features")(inputs)
    extractor = keras.Model(inputs, features, name="extractor")
    other = keras.Input((4,), name="b")
    head = layers.Dense(1, name="head")(layers.ReLU()(features))
    model = keras.Model([inputs, other], [head, extractor(other)])
    ```

    ## Fix
    Unsafe: makes the shared layers trainable again, in both parts; layers that only the frozen part has stay frozen. To
    keep the frozen part as it is, give it a copy:
    `copy = keras.models.clone_model(extractor); copy.set_weights(extractor.get_weights())`.

    ## Not reported
    Layers in one place only; layers that are frozen themselves, in a container that is not; layers without weights.
    """

    code = "T006"
    name = "shared-freeze"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[str, list[tuple[str, str]]] = {}
        occurrences = list(places(graph).items()) if graph.aliases else []
        occurrences += [(one.layer, [one.first, one.second]) for one in shared_across_scopes(graph) if one.is_copy]
        for path, several in occurrences:
            layer = graph.layers[path]
            if layer.trainable:
                continue
            frozen = [place for place in several if _frozen(graph, place.holder) is not None]
            free = [place for place in several if _frozen(graph, place.holder) is None]
            if frozen and free and graph.variables_below(path):
                container = _frozen(graph, frozen[0].holder)
                assert container is not None
                groups.setdefault(container, []).append((path, free[0].path))
        for container, members in groups.items():
            size = sum(variable.size for path, _ in members for variable in graph.variables_below(path))
            elsewhere = ", ".join(path for _, path in members[:3]) + (", ..." if len(members) > 3 else "")
            count = f"{len(members)} layers" if len(members) > 1 else "one layer"
            yield Problem(
                f"frozen, and with it {count} ({size:,} parameters) also used outside it: {elsewhere}",
                container,
                "Unfreeze the shared layers, or give the frozen part a copy (keras.models.clone_model).",
                related=tuple(path for path, _ in members),
                fix=Fix.unsafe(
                    "unfreeze the shared layers",
                    "they train again, in both parts",
                    Unfreeze(layers=tuple(path for path, _ in members), containers=(container,)),
                ),
            )


def _frozen(graph: ModelGraph, holder: LayerDefinition) -> str | None:
    """The path of the innermost frozen container of a place, except the root."""
    path = graph.layer_of.get(id(holder))
    while path is not None:
        layer = graph.layers[path]
        if layer.parent is None:
            return None
        if not layer.trainable:
            return path
        path = layer.parent
    return None
