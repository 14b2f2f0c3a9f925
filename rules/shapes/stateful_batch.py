"""H009: stateful recurrent layers and their batch size."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph, Tensor


class StatefulBatch(Rule):
    """A stateful recurrent layer has no fixed batch size, or is bound to a large one.

    ## What it does
    Reports recurrent layers with `stateful=True`: without a fixed batch size (error), and with one above 1 (info).

    ## Why is this bad?
    The state has one row for each sample of the batch. Without a batch size it cannot be created, and the model does
    not load. With a batch size of 32, the model cannot predict a single sample.

    ## Example
    ```python
    import json

    path = tmp_path / "model.json"
    entries = [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 5, 4], "name": "a"}},
        {"class_name": "LSTM", "module": "keras.layers", "config": {"name": "lstm", "units": 3, "stateful": True}},
    ]
    config = {"name": "m", "layers": entries}
    path.write_text(json.dumps({"module": "keras", "class_name": "Sequential", "config": config}))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input(batch_shape=(1, 5, 4)), layers.LSTM(3, stateful=True)])
    ```

    ## Fix
    None: write `keras.Input(batch_shape=(1, ...))`, or `stateful=False` if states need not outlive a batch.

    ## Not reported
    A batch size of 1.

    ## References
    tensorflow/tensorflow#64061
    """

    code = "H009"
    name = "stateful-batch"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            config = layer.config
            if layer.traits.name == "Bidirectional" and isinstance(config.get("layer"), dict):
                inner = config["layer"].get("config")
                config = inner if isinstance(inner, dict) else config
            elif not layer.traits.stateful:
                continue
            if config.get("stateful") is not True or layer.path in reported:
                continue
            sources = graph.producers(call.id)
            shape = _batch_shape(graph, sources[0]) if sources else None
            if not shape or shape[0] == 1:
                continue
            reported.add(layer.path)
            if shape[0] is None:
                yield Problem(
                    f"stateful, but its input {shape_text(shape)} has no fixed batch size: no state can be created",
                    call.id,
                    "Write keras.Input(batch_shape=(1, ...)), or stateful=False.",
                    related=tuple(sources),
                )
            else:
                yield Problem(
                    f"stateful with a batch size of {shape[0]}: the model accepts exactly {shape[0]} samples at a time",
                    call.id,
                    "Save a copy with a batch size of 1 to predict single samples.",
                    related=tuple(sources),
                    severity=Severity.INFO,
                )


def _batch_shape(graph: ModelGraph, tensor: Tensor) -> tuple[int | None, ...] | None:
    """The shape of a tensor; for a nested Input without a fixed batch size, that of the tensor it receives."""
    while graph.layer(tensor.call).is_input and graph.producers(tensor.call):
        tensor = graph.producers(tensor.call)[0]
    return graph.spec(tensor).shape
