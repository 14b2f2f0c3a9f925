"""T004."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from graphlint.address import ROOT
from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Option, Rule
from graphlint.graph.model_graph import ModelGraph


class LiveBatchnormInFrozenBackbone(Rule):
    """A nested model is frozen for the most part, and some of its BatchNormalization still learns.

    ## What it does
    Finds nested models in which at least 80 % of the layers with weights are frozen and a BatchNormalization is not.

    ## Why is this bad?
    Frozen layers expect activations with the statistics that they were trained on. A BatchNormalization that is not
    frozen moves its averages with every batch under `fit`, also when it is called with `training=False`, and the
    features of the backbone change although its kernels do not.

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
    None yet: freeze it as well: `layer.trainable = False` for every BatchNormalization of the backbone.

    ## Not reported
    Adapting nothing but BatchNormalization: every layer that still trains is one.

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
        done: set[str] = set()
        for scope in graph.scopes.values():
            path = scope.layer
            if path == ROOT or path in done or any(outer.path in done for outer in graph.enclosing(path)):
                continue
            done.add(path)
            weighted = [layer for layer in graph.layers_below(path) if graph.variables_of(layer.path)]
            live = [layer for layer in weighted if layer.trainable]
            norms = [layer for layer in live if layer.class_name == "BatchNormalization"]
            frozen = len(weighted) - len(live)
            if not norms or len(norms) == len(live) or frozen < self.option["frozen"] * len(weighted):
                continue
            yield Problem(
                f"{frozen} of {len(weighted)} layers with weights are frozen, and {len(norms)} BatchNormalization "
                f"{'moves its' if len(norms) == 1 else 'move their'} averages all the same",
                path,
                "Freeze every BatchNormalization of the backbone: layer.trainable = False.",
                tuple(layer.path for layer in norms),
            )
