"""K007: lookup layers that read their vocabulary from a path."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family, layer_row
from graphlint.model.graph import Layer, ModelGraph

_PATHS = ("vocabulary", "vocabulary_file", "idf_weights")


class ExternalFile(Rule):
    """A layer reads a file that is not part of the model.

    ## What it does
    Reports lookup layers in memory whose `vocabulary` is a path instead of a list, which releases of Keras that do not
    copy the words into the archive then save.

    ## Why is this bad?
    The path is saved with the model, and is one of this machine. Elsewhere loading fails, or silently reads another
    file.

    ## Example
    ```python
    lookup = layers.StringLookup(vocabulary=["red", "green"])
    lookup.input_vocabulary = "/home/me/words.txt"  # as older releases of Keras do with vocabulary="/home/me/words.txt"
    x = keras.Input((1,), dtype="string")
    model = keras.Model(x, lookup(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((1,), dtype="string")
    model = keras.Model(x, layers.StringLookup(vocabulary=["red", "green"])(x))
    ```

    ## Fix
    None: pass the words themselves, `vocabulary=open(path).read().splitlines()`, and save again.

    ## Not reported
    A vocabulary that is stored inside the archive; a list of words. In a file, such a path is a danger to whoever loads
    it, which X003 reports.

    ## References
    keras-team/keras#21751; CVE-2025-12058
    """

    code = "K007"
    name = "external-file"
    severity = Severity.ERROR
    needs = frozenset({Need.LIVE})
    in_code = "Reads configurations, in which the bodies that code makes are not."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in graph.layers.values():
            if not _looks_up(layer):
                continue
            for key in _PATHS:
                path = layer.config.get(key)
                if isinstance(path, str) and path:
                    yield Problem(
                        f"{key} is the path {path!r}: the model needs that file on every machine that loads it",
                        layer.path,
                        "Pass the words themselves instead of a path, layer.set_vocabulary(words), and save again.",
                        key=key,
                    )


def _looks_up(layer: Layer) -> bool:
    """Whether a layer reads words or categories, a subclass of one of Keras's that kept its name as well."""
    row = layer_row((layer.class_name or "").rpartition(">")[2])
    return row is not None and row.family in (Family.LOOKUP, Family.ENCODING)
