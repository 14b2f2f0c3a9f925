"""D007: stored weights compared with the layers of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.missing_weights import layers_without_weights, miscounted_weights


class WeightsWithoutGraph(Rule):
    """The file contains a layer without its weights, or weights without their layer.

    ## What it does
    Matches the stored groups of weights with the layers of the configuration. Reports an error for every called layer
    whose class has weights and that has none, or not all of them, in the file; a warning for stored weights that belong
    to no layer.

    ## Why is this bad?
    A layer without weights cannot be loaded, or is loaded with random values. Weights without a layer are ignored on
    loading: what was trained is lost.

    ## Example
    ```python
    import h5py
    import zipfile

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.ReLU(), layers.Dense(2, name="b")])
    model.save(tmp_path / "good.keras")
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "model.weights.h5":
                (tmp_path / name).write_bytes(data)
                with h5py.File(tmp_path / name, "a") as file:
                    del file["layers/dense_1/vars"]
                data = (tmp_path / name).read_bytes()
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.ReLU(), layers.Dense(2, name="b")])
    path = tmp_path / "good.keras"
    model.save(path)
    ```

    ## Fix
    None: save the model again from the process that trained it, or load an older checkpoint.

    ## Not reported
    - layers shared across scopes (S001), which have one set of weights for two layers;
    - opaque layers: subclassed models and custom layers;
    - weights of the optimizer and of metrics;
    - preprocessing layers, whose state may come from their configuration.

    ## References
    keras-team/keras#20598, keras-team/keras#22891, keras-team/keras#20260
    """

    code = "D007"
    name = "weights-without-graph"
    severity = Severity.ERROR
    in_code = "Reads files, in which custom layers stay closed."
    needs = frozenset({Need.GRAPH, Need.WEIGHTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if graph.live:
            return
        yield from self.layers_without(graph)
        for layer, names, stored in miscounted_weights(graph):
            yield Problem(
                f"{layer.class_name} needs {len(names)} variables ({', '.join(names)}), but the file has {stored}",
                layer.path,
                "Save the model again: the configuration and the weights in this file come from different models.",
            )
        yield from self.weights_without(graph)

    @staticmethod
    def layers_without(graph: ModelGraph) -> Iterator[Problem]:
        for layer, names in layers_without_weights(graph):
            yield Problem(
                f"{layer.class_name} is called and has no weights in the file, expected {', '.join(names)}",
                layer.path,
                "Save the model again where it was trained: this file does not load, or loads random weights.",
            )

    @staticmethod
    def weights_without(graph: ModelGraph) -> Iterator[Problem]:
        stray = graph.definition.stray_weights
        if stray:
            shown = ", ".join(list(stray)[:3]) + (", ..." if len(stray) > 3 else "")
            yield Problem(
                f"{len(stray)} stored groups with {sum(stray.values()):,} values belong to no layer of the "
                f"configuration: {shown}",
                None,
                "Save the model again: the configuration and the weights in this file come from different models.",
                severity=Severity.WARNING,
                key="stray",
            )
