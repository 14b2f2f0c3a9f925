"""H010: embeddings with fewer rows than the vocabulary of their indices."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import innermost

_COPYING = frozenset({"Cast", "GetItem", "Split", "Concatenate", "Stack", "Repeat", "Tile", "BroadcastTo"})
"""Operations after which an index still means the same word: this rule's judgement."""


class VocabularyMismatch(Rule):
    """An Embedding has fewer rows than the lookup before it has words.

    ## What it does
    Follows the indices of StringLookup, IntegerLookup and TextVectorization layers into Embedding layers, and compares
    the size of the vocabulary with `input_dim`.

    ## Why is this bad?
    The last words of the vocabulary have no row. On a CPU that is an error for the first text that contains one; on a
    GPU it is silently a vector of zeros.

    ## Example
    ```python
    x = keras.Input((1,), dtype="string")
    lookup = layers.StringLookup(vocabulary=["red", "green", "blue"])
    model = keras.Model(x, layers.Flatten()(layers.Embedding(3, 2)(lookup(x))))
    ```

    ## Use instead
    ```python
    x = keras.Input((1,), dtype="string")
    lookup = layers.StringLookup(vocabulary=["red", "green", "blue"])
    model = keras.Model(x, layers.Flatten()(layers.Embedding(lookup.vocabulary_size(), 2)(lookup(x))))
    ```

    ## Fix
    None: write `input_dim=lookup.vocabulary_size()`, which also counts the tokens for unknown words and the mask, and
    train again.

    ## Not reported
    Hashing; files of a Keras release that stores neither the words nor their number in the configuration; lookups that
    give one-hot or counted outputs.

    ## References
    keras-team/keras-io#1064
    """

    code = "H010"
    name = "vocabulary-mismatch"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[tuple[str, str], list[str]] = {}
        indices: dict[str, str] = {}
        if not graph.calls_of_classes(lambda layer: layer.traits.family is Family.LOOKUP):
            return
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if layer.traits.family is Family.LOOKUP:
                if layer.config.get("output_mode", "int") == "int" and not layer.config.get("invert"):
                    indices[call.id] = layer.path
                continue
            lookups = [indices[edge.source] for edge in graph.in_edges(call.id) if edge.source in indices]
            if not lookups:
                continue
            source = max(lookups, key=lambda path: graph.layers[path].vocabulary_size or 0)
            if _passes(layer):
                indices[call.id] = source
            elif innermost(graph, layer).traits.family is Family.EMBEDDING:
                found.setdefault((innermost(graph, layer).path, source), []).append(call.id)
        for (embedding, path), (first, *others) in found.items():
            lookup, rows = graph.layers[path], graph.layers[embedding].config.get("input_dim")
            size = lookup.vocabulary_size
            if size is not None and isinstance(rows, int) and rows < size:
                yield Problem(
                    f"input_dim is {rows:,}, but {lookup.class_name} {lookup.name!r} gives {size:,} indices: "
                    f"{size - rows:,} words have no row",
                    first,
                    f"Set input_dim={size}, or lookup.vocabulary_size().",
                    related=(path, *others),
                )


def _passes(layer: Layer) -> bool:
    """Whether a layer or operation moves or copies indices, and leaves them as they are."""
    if layer.is_operation:
        return layer.operation.same_numbers or layer.operation.name in _COPYING
    return layer.traits.same_numbers or layer.traits.name == "Concatenate"
