"""P003: biases that the following BatchNormalization subtracts."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import FoldBias
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import activation_name, innermost


class BiasBeforeBatchnorm(Rule):
    """A layer adds a bias that the BatchNormalization after it subtracts.

    ## What it does
    Finds Dense and convolution layers with a bias and no activation whose only consumer is a BatchNormalization with
    `center=True`. One finding per model.

    ## Why is this bad?
    BatchNormalization subtracts the mean, and with it any constant bias, then adds its own. The bias is trained and
    stored, and has no effect.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    ```

    ## Fix
    Safe: the bias is subtracted from `moving_mean` and removed; outputs stay the same up to rounding, and so does
    training, in which the bias had no effect. Not offered if it had one (a frozen BatchNormalization, a penalty on the
    bias) or if one of the two layers is called in several places.

    ## Not reported
    Layers that have another consumer; other normalisations; BatchNormalization over another axis, or without `center`.
    keras.applications.ResNet50 has 53 such biases, hence the severity info and one finding per model.

    ## References
    NeuraLint (Nikanjam et al., 2021).
    """

    code = "P003"
    name = "bias-before-batchnorm"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        verdicts: dict[str, bool] = {}
        for call in graph.calls_of_classes(lambda layer: _adds_bias(layer) or layer.traits.name == "TimeDistributed"):
            layer = innermost(graph, graph.layers[call.layer])
            if _adds_bias(layer) and verdicts.get(layer.path, True):
                verdicts[layer.path] = _biased(layer) and _only_into_batchnorm(graph, call.id, layer)
        found = [path for path, verdict in verdicts.items() if verdict]
        if not found:
            return
        size = sum(_bias_size(graph, path) for path in found)
        count = f"{len(found)} layers add biases" if len(found) > 1 else "adds a bias"
        yield Problem(
            f"{count} ({size:,} parameters) that the following BatchNormalization subtracts",
            found[0],
            "Set use_bias=False there.",
            related=tuple(found[1:]),
            fix=_folded(graph, found),
        )


def _folded(graph: ModelGraph, found: list[str]) -> Fix | None:
    """Each with the BatchNormalization after it, if both have one call and the bias has no effect on training."""
    behind = {}
    for path in found:
        layer = graph.layers[path]
        if not graph.called_directly(path, once=True):
            continue
        norm = graph.calls[graph.consumers(Tensor(graph.call_sites(path)[0], 0))[0].target].layer
        counts = layer.config.get("bias_regularizer") or layer.config.get("activity_regularizer")
        moves = layer.trainable and not graph.layers[norm].trainable
        if graph.called_directly(norm, once=True) and not counts and not moves:
            behind[path] = norm
    what = "the bias into the moving mean" if len(behind) == 1 else f"{len(behind)} biases into the moving means"
    return Fix.safe(f"fold {what}", FoldBias(layers=behind)) if behind else None


def _adds_bias(layer: Layer) -> bool:
    """Whether a layer adds a bias to each of its channels last of all."""
    return layer.traits.linear and layer.traits.family in (Family.DENSE, Family.CONVOLUTION)


def _biased(layer: Layer) -> bool:
    config = layer.config
    return config.get("use_bias", True) is not False and activation_name(config.get("activation")) == "linear"


def _only_into_batchnorm(graph: ModelGraph, call: str, layer: Layer) -> bool:
    tensor = Tensor(call, 0)
    edges = graph.consumers(tensor)
    if len(edges) != 1 or graph.is_output(tensor):
        return False
    norm = graph.layer(edges[0].target)
    if not norm.traits.batch_statistics or norm.config.get("center", True) is False:
        return False
    axis = norm.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    rank = len(edges[0].spec.shape or ())
    channels = 1 if layer.config.get("data_format") == "channels_first" else -1
    return axis == channels or (bool(rank) and isinstance(axis, int) and axis % rank == channels % rank)


def _bias_size(graph: ModelGraph, path: str) -> int:
    bias = [variable.size for variable in graph.variables_of(path) if variable.slot == "bias"]
    if bias:
        return bias[0]
    config = graph.layers[path].config
    units = config.get("units", config.get("filters"))
    return units if isinstance(units, int) else 0
