"""K003."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Rule
from graphlint.graph.model_graph import Layer, ModelGraph

_CLASSES = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})


class TfOpLayer(Rule):
    """The model holds a layer that Keras 2 made of a TensorFlow operation.

    ## What it does
    Reports TFOpLambda, SlicingOpLambda and TensorFlowOpLayer: what Keras 2 wrote where code called `tf` functions or
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
    None: write the operation with `keras.ops` and build the model again, or load the file with the `tf_keras` package.

    ## Not reported
    Files written by `tf_keras`, which still has these layers.

    ## References
    keras-team/keras#18519
    """

    code = "K003"
    name = "tf-op-layer"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_operation: dict[str, list[Layer]] = {}
        for layer in graph.layers.values():
            root = (layer.module or "").partition(".")[0]
            if layer.class_name in _CLASSES and root != "tf_keras":
                function = layer.config.get("function")
                operation = function if isinstance(function, str) else layer.class_name or ""
                by_operation.setdefault(operation, []).append(layer)
        for operation, (first, *others) in by_operation.items():
            count = f" ({len(others) + 1} layers)" if others else ""
            yield Problem(
                f"{first.class_name} of {operation!r}{count} exists in Keras 2 only: Keras 3 cannot load this model",
                first.path,
                "Write the operation with keras.ops and build the model again, or load the file with tf_keras.",
                tuple(layer.path for layer in others),
            )
