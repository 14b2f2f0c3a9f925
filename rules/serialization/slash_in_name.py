"""K004: layer names that form paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Rewrite
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph
from graphlint.portability.rewriting import hindrance

_ANOTHER_PATH = re.compile(r"[\\\0]|^\.\.$|^[A-Za-z]:(?=\\)")
_RENAMED = Fix.safe("rewrite the model with underscores in its names", Rewrite())


class SlashInName(Rule):
    """A layer name contains a slash, or forms another path.

    ## What it does
    Reports layers whose name contains `/`, a backslash or NUL, is `..`, or begins with a drive letter.

    ## Why is this bad?
    Keras 3 refuses such names, and paths of layers and weights are joined with slashes, so the weights of one layer can
    be loaded into another.

    ## Example
    ```python
    import json

    path = tmp_path / "model.json"
    entries = [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 4], "name": "a"}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "block/dense", "units": 2}},
    ]
    config = {"name": "m", "layers": entries}
    path.write_text(json.dumps({"module": "keras", "class_name": "Sequential", "config": config}))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,), name="a"), layers.Dense(2, activation="relu", name="block_dense")])
    ```

    ## Fix
    Safe: the file is rewritten with `_` instead of `/` in the names of layers, and every weight is carried over. In
    code, choose another name, such as `block_dense`.

    ## Not reported
    Names of the root model and of operations, which form no paths.

    ## References
    keras-team/keras-cv#2037, CVE-2026-12479
    """

    code = "K004"
    name = "slash-in-name"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    blocks_loading = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        rewritable = not graph.live and hindrance(graph.definition) is None
        for layer in graph.layers.values():
            if layer.path == ROOT or layer.is_operation or layer.class_name is None:
                continue
            if "/" in layer.name:
                yield Problem(
                    f"the name {layer.name!r} contains a slash, which Keras 3 rejects",
                    layer.path,
                    f"Name the layer {layer.name.replace('/', '_')!r}.",
                    fix=_RENAMED if rewritable else None,
                )
            elif _ANOTHER_PATH.search(layer.name):
                yield Problem(
                    f"the name {layer.name!r} is a path to another place: weights are unpacked and looked up by it",
                    layer.path,
                    f"Name the layer {_ANOTHER_PATH.sub('_', layer.name)!r}.",
                )
