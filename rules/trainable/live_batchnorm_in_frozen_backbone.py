"""T004: trainable BatchNormalization in an otherwise frozen nested model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType

from graphlint.engine.rule import Option, Rule
from graphlint.findings.edits import Freeze
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph


class LiveBatchnormInFrozenBackbone(Rule):
    """A nested model is mostly frozen, but some of its BatchNormalization layers still learn.

    ## What it does
    Finds nested models in which at least 80 % of the layers with weights are frozen but a BatchNormalization is not.

    ## Why is this bad?
    Frozen layers expect activations with the statistics that they were trained on. A BatchNormalization that is not
    frozen updates its averages with every batch in `fit`, even if it is called with `training=False`, and the features
    of the backbone change although its kernels do not.

    ## Example
    ```python
    image = keras.Input((8, 8, 3))
    x = image
    for index in range(9):
        x = layers.ReLU()(layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv_{index}")(x))
    x = layers.BatchNormalization(name="norm")(x)
    backbone = keras.Model(image, layers.GlobalAveragePooling2D()(x), name="backbone")
    for layer in backbone.layers[:-2]:
        layer.trainable = False
    backbone.get_layer("norm").trainable = True
    backbone.get_layer("conv_8").trainable = True
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Dense(2)(backbone(inputs)))
    ```

    ## Use instead
    ```python
    image = keras.Input((8, 8, 3))
    x = image
    for index in range(9):
        x = layers.ReLU()(layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv_{index}")(x))
    x = layers.BatchNormalization(name="norm")(x)
    backbone = keras.Model(image, layers.GlobalAveragePooling2D()(x), name="backbone")
    backbone.trainable = False
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Dense(2)(backbone(inputs)))
    ```

    ## Fix
    Unsafe: freezes the BatchNormalization layers of the backbone, whose averages training then no longer changes.

    ## Not reported
    Fine-tuning of BatchNormalization only: every layer that still trains is one.

    ## References
    keras-team/keras#9965, keras-team/keras#6570
    """

    code = "T004"
    name = "live-batchnorm-in-frozen-backbone"
    severity = Severity.INFO
    options = MappingProxyType(
        {"frozen": Option(0.8, "share", "share of frozen layers that makes a backbone frozen", minimum=0, maximum=1)}
    )

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if not graph.root.trainable:
            return
        weighted: Counter[str] = Counter()
        live: Counter[str] = Counter()
        norms: Counter[str] = Counter()
        for layer in reversed(graph.layers.values()):
            if graph.variables_of(layer.path):
                weighted[layer.path] += 1
                live[layer.path] += layer.trainable
                norms[layer.path] += layer.trainable and layer.traits.batch_statistics
            if layer.parent is not None:
                for counts in (weighted, live, norms):
                    counts[layer.parent] += counts[layer.path]
        stack = list(reversed(graph.children.get(ROOT, [])))
        while stack:
            path = stack.pop()
            frozen = weighted[path] - live[path]
            adapting = norms[path] == live[path]
            if graph.layers[path].container and norms[path] and not adapting and self.enough(frozen, weighted[path]):
                moving = "updates its" if norms[path] == 1 else "update their"
                live_norms = tuple(
                    layer.path
                    for layer in graph.layers_below(path)
                    if layer.trainable and layer.traits.batch_statistics
                )
                yield Problem(
                    f"{frozen} of {weighted[path]} layers with weights are frozen, and {norms[path]} "
                    f"BatchNormalization {moving} averages nevertheless",
                    path,
                    "Freeze every BatchNormalization of the backbone: layer.trainable = False.",
                    related=live_norms,
                    fix=Fix.unsafe(
                        "freeze the BatchNormalization inside",
                        "training no longer changes its averages, scale and offset",
                        Freeze(layers=live_norms),
                    ),
                )
            else:
                stack.extend(child for child in reversed(graph.children.get(path, [])) if norms[child])

    def enough(self, frozen: int, weighted: int) -> bool:
        return bool(frozen >= self.option["frozen"] * weighted)
