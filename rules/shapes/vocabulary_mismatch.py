"""H010."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Rule
from graphlint.graph.model_graph import Layer, ModelGraph, Tensor

_LOOKUPS = frozenset({"StringLookup", "IntegerLookup", "TextVectorization"})
_PASSING = frozenset({"InputLayer", "Reshape", "Flatten", "Identity", "Cast", "Squeeze", "ExpandDims", "Permute"})


class VocabularyMismatch(Rule):
    """An Embedding has fewer rows than the lookup in front of it has words.

    ## What it does
    Follows the indices of StringLookup, IntegerLookup and TextVectorization layers into Embedding layers, and compares
    the size of the vocabulary with `input_dim`.

    ## Why is this bad?
    The last words of the vocabulary have no row. On a CPU that is an error for the first text that holds one; on a GPU
    it is silently a vector of zeros.

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
    None: write `input_dim=lookup.vocabulary_size()`, which counts the words for unknown and masked ones too, and train
    again.

    ## Not reported
    Hashing; files of a Keras that stores neither words nor their number with the configuration; lookups that give
    one-hot or counted outputs.

    ## References
    keras-team/keras-io#1064
    """

    code = "H010"
    name = "vocabulary-mismatch"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            rows = layer.config.get("input_dim")
            if layer.class_name not in ("Embedding", "ReversibleEmbedding") or not isinstance(rows, int):
                continue
            source = _lookup(graph, call.id)
            if source is None:
                continue
            lookup = graph.layer(source.call)
            size = _vocabulary_size(lookup)
            if size is not None and rows < size:
                yield Problem(
                    f"input_dim is {rows:,}, but {lookup.class_name} {lookup.name!r} gives {size:,} indices: "
                    f"{size - rows:,} words have no row",
                    call.id,
                    f"Write input_dim={size}, or lookup.vocabulary_size().",
                    (source,),
                )


def _lookup(graph: ModelGraph, call: str) -> Tensor | None:
    sources = graph.producers(call)
    while len(sources) == 1:
        layer = graph.layer(sources[0].call)
        if layer.class_name in _LOOKUPS and layer.is_builtin:
            return sources[0]
        if layer.class_name not in _PASSING:
            return None
        sources = graph.producers(sources[0].call)
    return None


def _vocabulary_size(layer: Layer) -> int | None:
    """How many indices a lookup gives: its words, and those for masked and unknown ones."""
    config = layer.config
    words, counted = config.get("vocabulary"), config.get("vocabulary_size")
    if config.get("output_mode", "int") != "int" or config.get("invert"):
        return None
    if isinstance(counted, int):
        return counted
    if not isinstance(words, list):
        return None
    if layer.class_name == "TextVectorization":
        special = ["", "[UNK]"]
    else:
        unknown = config.get("num_oov_indices", 1)
        if not isinstance(unknown, int):
            return None
        mask = config.get("mask_token")
        special = ([] if mask is None else [mask]) + [config.get("oov_token", "[UNK]")] * unknown
    given = words[: len(special)] == special
    return len(words) + (0 if given else len(special))
