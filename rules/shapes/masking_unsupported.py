"""H015: custom layers that receive a mask which is needed after them, and do not say that they support masking."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import Shape, flat
from graphlint.model.graph import Call, ModelGraph, Scope, Tensor
from graphlint.model.masks import masked
from graphlint.questions.needed_masks import users_of_mask


class MaskingUnsupported(Rule):
    """A custom layer does not set `supports_masking`, and a mask is needed after it.

    ## What it does
    Finds custom layers and models in memory that receive a mask with their first argument and leave `supports_masking`
    unset, so that Keras attaches none to what they return, if a recurrent layer, an attention or an average over time
    after them would use it.

    ## Why is this bad?
    Padding is treated as data from there on. Keras says so in a warning when the model is built, which is easily lost
    among others, and not again after loading. The cause is a line that is missing in the class, far from the
    operation in its code at which the mask is dropped, which mask-lost (H007) names.

    ## Example
    ```python
    import warnings

    warnings.simplefilter("ignore")


    @keras.saving.register_keras_serializable(package="docs")
    class Local(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.conv = layers.Conv1D(4, 3, padding="same", activation="relu")

        def build(self, shape):
            self.conv.build(shape)

        def call(self, x):
            return self.conv(x)


    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    model = keras.Model(ids, layers.LSTM(3)(Local()(x)))
    ```

    ## Use instead
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Local(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True
            self.conv = layers.Conv1D(4, 3, padding="same", activation="relu")

        def build(self, shape):
            self.conv.build(shape)

        def call(self, x):
            return self.conv(x)


    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    model = keras.Model(ids, layers.LSTM(3)(Local()(x)))
    ```

    ## Fix
    None: set `self.supports_masking = True` in the constructor if each step of the output belongs to the same step of
    the input; otherwise compute the mask in `compute_mask`.

    ## Not reported
    - layers whose output has another number of steps, or carries a mask of its own;
    - masks that no layer after them would use, or that are passed explicitly;
    - layers in files, whose code is not read.
    """

    code = "H015"
    name = "masking-unsupported"
    severity = Severity.WARNING
    in_code = "As elsewhere, also for custom layers that code calls."
    needs = frozenset({Need.GRAPH, Need.LIVE})
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        carried = masked(graph)
        reported: set[str] = set()
        calls: list[Scope | Call] = [*graph.scopes.values(), *graph.calls.values()]
        for call in calls if carried else ():
            layer = graph.layers[call.layer]
            if layer.is_keras or layer.path in reported or getattr(layer.obj, "supports_masking", True):
                continue
            given = next((leaf for leaf in flat([*call.args, *call.kwargs.values()]) if isinstance(leaf, Tensor)), None)
            if given not in carried:
                continue
            users: list[str] = []
            for output in _outputs(call):
                if output not in carried and _same_steps(graph.spec(given).shape, graph.spec(output).shape):
                    users += users_of_mask(graph, output)
            if not users:
                continue
            reported.add(layer.path)
            names = ", ".join(repr(graph.layer(user).name) for user in dict.fromkeys(users[:3]))
            maker = carried[given]
            source = graph.layer(maker).name
            yield Problem(
                f"{layer.class_name} does not set supports_masking, so the mask of {source!r} does not reach {names}, "
                "which would use it",
                layer.path,
                f"Set self.supports_masking = True in the constructor of {layer.class_name}, if it keeps the steps of "
                "its input.",
                related=(maker, *users),
            )


def _same_steps(before: Shape | None, after: Shape | None) -> bool:
    return before is not None and after is not None and len(before) == len(after) >= 3 and before[:2] == after[:2]


def _outputs(call: Scope | Call) -> list[Tensor]:
    if isinstance(call, Scope):
        return list(call.outputs)
    return [Tensor(call.id, place) for place in range(len(call.outputs))]
