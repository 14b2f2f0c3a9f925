"""K003: layers that Keras 2 created for TensorFlow operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from graphlint.engine.options import TARGET_KERAS, TARGET_OPTION
from graphlint.engine.rule import Option, Rule
from graphlint.errors import GraphlintError
from graphlint.findings.edits import Rewrite
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.loading import KERAS_3
from graphlint.model.graph import Layer, ModelGraph
from graphlint.portability.rewriting import hindrance
from graphlint.portability.target import target_release
from graphlint.portability.tensorflow_operations import OPERATION_LAYERS, as_keras_operation


class TfOpLayer(Rule):
    """The model contains a layer that Keras 2 created for a TensorFlow operation.

    ## What it does
    Reports TFOpLambda, SlicingOpLambda and TensorFlowOpLayer: what Keras 2 wrote if code called `tf` functions or
    indexed a tensor between layers.

    ## Why is this bad?
    Keras 3 has no such layers. `load_model` stops with "Could not locate class".

    ## Example
    ```python
    import json

    path = tmp_path / "model.json"
    entries = [
        {"class_name": "InputLayer", "module": "keras.layers", "name": "a", "inbound_nodes": [],
         "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "a"}},
        {"class_name": "TFOpLambda", "name": "tf.math.abs", "inbound_nodes": [["a", 0, 0, {}]],
         "config": {"name": "tf.math.abs", "dtype": "float32", "function": "math.abs"}},
    ]
    config = {"name": "m", "layers": entries, "input_layers": [["a", 0, 0]], "output_layers": [["tf.math.abs", 0, 0]]}
    path.write_text(json.dumps({"module": "keras", "class_name": "Functional", "config": config}))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,), name="a")
    model = keras.Model(x, ops.abs(x))
    ```

    ## Fix
    Safe if Keras has an operation that takes the same tensors and returns the same values (arithmetic, reductions,
    reshaping, slicing and more): the file is rewritten with it, and every weight is carried over. Others have to be
    replaced with `keras.ops` and the model built again; or load the file with the `tf_keras` package.

    ## Not reported
    Files written by `tf_keras`, which still has these layers; a target of Keras 2 (option `target-keras`).

    ## References
    keras-team/keras#18519
    """

    code = "K003"
    name = "tf-op-layer"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    blocks_loading = True
    options: ClassVar[Mapping[str, Option]] = {TARGET_KERAS: TARGET_OPTION}

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if target_release(str(self.option[TARGET_KERAS])) < KERAS_3:
            return
        rewritable = not graph.live and hindrance(graph.definition) is None
        by_operation: dict[str, list[Layer]] = {}
        for layer in graph.layers.values():
            root = (layer.module or "").partition(".")[0]
            if layer.class_name in OPERATION_LAYERS and root != "tf_keras":
                function = layer.config.get("function")
                operation = function if isinstance(function, str) else layer.class_name or ""
                by_operation.setdefault(operation, []).append(layer)
        for operation, (first, *others) in by_operation.items():
            count = f" ({len(others) + 1} layers)" if others else ""
            yield Problem(
                f"{first.class_name} of {operation!r}{count} exists only in Keras 2: Keras 3 cannot load this model",
                first.path,
                "Build the model again with the operation from keras.ops, or load the file with tf_keras.",
                related=tuple(layer.path for layer in others),
                fix=_rewritten(graph, [first, *others]) if rewritable else None,
            )


def _rewritten(graph: ModelGraph, layers: list[Layer]) -> Fix | None:
    """Rewrites it if Keras has an equivalent operation for every call."""
    for layer in layers:
        calls = {id(graph.calls[site].definition): graph.calls[site] for site in graph.call_sites(layer.path)}
        found = [call.definition for call in calls.values() if call.definition is not None]
        try:
            as_keras_operation(layer.definition, found)
        except GraphlintError:
            return None
    return Fix.safe("replace it with the operation of Keras 3", Rewrite())
