"""A007: consecutive linear layers that amount to one linear map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from graphlint.engine.rule import Rule
from graphlint.findings.edits import MergeLinear
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.definition import Shape
from graphlint.model.dimensions import multiply
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import activation_of, innermost


class LinearSandwich(Rule):
    """A linear layer feeds a linear layer with nothing in between.

    ## What it does
    Reports Dense layers and convolutions without an activation whose only consumer is another one, directly or through
    dropout, padding, average pooling and Flatten. A chain of them is one finding. Also reports a convolution without an
    activation that only another convolution uses, with max-pooling in between.

    ## Why is this bad?
    Two linear maps in a row are one linear map: the model has the parameters and the cost of two layers and the
    capacity of one. Usually the activation was forgotten. Max-pooling alone is a weak substitute: it picks the largest
    value, and where all agree it changes nothing.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(16), layers.Dense(4)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4)])
    ```

    ## Fix
    Unsafe: two Dense layers become one whose kernel is the product of theirs; outputs stay the same up to rounding, and
    training updates one kernel instead of two. Offered for two Dense layers of one model with nothing in between. If an
    activation was forgotten, write `activation="relu"` in the first layer instead.

    ## Not reported
    A normalisation in between; depthwise convolutions followed by pointwise ones; a bottleneck narrower than both its
    input and its output (a low-rank factorisation); a convolution before Flatten that has fewer filters than it
    receives channels, which keeps the Dense layer small; layers used in several places (query, key and value
    projections); an activity regularizer on the first; a transposed convolution that upsamples; kernels that are long
    on different axes, a cheap form of one large kernel (global convolutional networks); a frozen first layer, or a
    first layer in another nested model (a new head on a pretrained embedding); max-pooling with an activation before or
    after it.

    ## References
    DeepLocalize (ICSE 2021); NeuraLint
    """

    code = "A007"
    name = "linear-sandwich"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        calls = graph.calls_of_classes(lambda layer: _weighs(layer) or layer.traits.name == "TimeDistributed")
        following = {call.id: found for call in calls if (found := _next_linear(graph, call.id)) is not None}
        inside = set(following.values())
        reported: set[str] = set()
        for first in following:
            layer = graph.calls[first].layer
            if first in inside or layer in reported:
                continue
            reported.add(layer)
            chain = [first]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            widths = " -> ".join(str(_width(graph, call)) for call in chain)
            size = sum(
                variable.size for call in chain[:-1] for variable in graph.variables_below(graph.calls[call].layer)
            )
            if graph.has_weights and not size:
                continue
            yield Problem(
                f"{len(chain)} consecutive linear layers ({widths} features) are one linear map{_saved(graph, chain)}",
                first,
                'Write activation="relu" (or another) in every layer of the chain except the last.',
                related=tuple(chain[1:]),
                fix=_merged(graph, chain),
            )
        for first, pooling, second in _pooled(graph):
            layer = graph.calls[first].layer
            if layer in reported:
                continue
            reported.add(layer)
            yield Problem(
                f"no activation between {graph.layers[layer].name!r} and {graph.layer(second).name!r}, only the "
                f"max-pooling of {graph.layer(pooling).name!r}",
                first,
                'Write activation="relu" (or another) in the first of the two.',
                related=(pooling, second),
            )


def _pooled(graph: ModelGraph) -> Iterator[tuple[str, str, str]]:
    """A convolution without an activation, the max-pooling after it, and the convolution that alone uses the result."""
    for call in graph.calls:
        layer = innermost(graph, graph.layer(call))
        if layer.traits.family is not Family.CONVOLUTION or _free(graph, call, layer) is None:
            continue
        here, pooling = call, None
        while (target := _only_user(graph, here)) is not None and len(graph.producers(target)) == 1:
            maximum = (graph.layer(target).traits.name or "").startswith("MaxPooling")
            if maximum and pooling is None:
                pooling = target
            elif not maximum and not _hands_on(graph, target):
                break
            here = target
        if target is None or pooling is None or graph.layer(target).traits.family is not Family.CONVOLUTION:
            continue
        if _is_linear(graph, target) and graph.calls[target].scope == graph.calls[call].scope:
            yield call, pooling, target


def _only_user(graph: ModelGraph, call: str) -> str | None:
    tensor = Tensor(call, 0)
    consumers = graph.consumers(tensor)
    return consumers[0].target if len(consumers) == 1 and not graph.is_output(tensor) else None


def _free(graph: ModelGraph, call: str, layer: Layer) -> Layer | None:
    """A linear layer without an activation that nothing forbids to merge with what follows."""
    if not _is_linear(graph, call) or activation_of(graph, call)[0] != "linear" or _upsamples(layer):
        return None
    if layer.config.get("activity_regularizer") or not layer.trainable or not _called_once(graph, call):
        return None
    return layer


def _saved(graph: ModelGraph, chain: list[str]) -> str:
    """How many parameters one Dense layer in place of a chain of them needs; other kernels are not counted."""
    layers = [graph.layer(call) for call in chain]
    kernels = [one for layer in layers for one in graph.variables_of(layer.path) if len(one.shape) == 2]
    if any(layer.class_name != "Dense" for layer in layers) or len(kernels) != len(layers):
        return ""
    now = sum(variable.size for layer in layers for variable in graph.variables_of(layer.path))
    biased = any(layer.config.get("use_bias", True) for layer in layers)
    merged = kernels[0].shape[0] * kernels[-1].shape[1] + (kernels[-1].shape[1] if biased else 0)
    return f", which {merged:,} parameters can hold instead of {now:,}" if merged < now else ""


def _merged(graph: ModelGraph, chain: list[str]) -> Fix | None:
    """Merges the first two Dense layers of a chain, if nothing lies between and nothing else depends on the first."""
    for first, second in pairwise(chain):
        layers = [graph.layer(call) for call in (first, second)]
        direct = [tensor.call for tensor in graph.producers(second)] == [first]
        same_model = graph.calls[first].scope == graph.calls[second].scope
        if direct and same_model and all(one.traits.name == "Dense" and not one.penalised for one in layers):
            edit = MergeLinear(first=layers[0].path, second=layers[1].path)
            changes = "training updates one kernel instead of two"
            return Fix.unsafe("multiply the kernels into one layer", changes, edit)
    return None


def _width(graph: ModelGraph, call: str) -> int | None:
    layer = graph.layer(call)
    width = _channels(layer, graph.calls[call].outputs[0].shape)
    stated = layer.config.get("units", layer.config.get("filters"))
    return stated if width is None and isinstance(stated, int) else width


def _channels(layer: Layer, shape: Shape | None) -> int | None:
    if not shape:
        return None
    return shape[1 if layer.config.get("data_format") == "channels_first" else -1]


def _is_linear(graph: ModelGraph, call: str) -> bool:
    layer = innermost(graph, graph.layer(call))
    return _weighs(layer) and layer.config.get("groups", 1) == 1


def _weighs(layer: Layer) -> bool:
    traits = layer.traits
    return traits.family in (Family.DENSE, Family.CONVOLUTION) and traits.linear and not traits.depthwise


def _next_linear(graph: ModelGraph, call: str) -> str | None:
    """The linear layer that alone consumes a linear layer, if the pair can compute no more than one layer."""
    layer = innermost(graph, graph.layer(call))
    if _free(graph, call, layer) is None:
        return None
    flattened = False
    target = _only_user(graph, call)
    while target is not None and not _is_linear(graph, target):
        flattened |= _flattens(graph, target)
        passes = _flattens(graph, target) or _averages(graph, target) or _hands_on(graph, target)
        target = _only_user(graph, target) if passes and len(graph.producers(target)) == 1 else None
    if target is None:
        return None
    here = target
    sources = graph.producers(call)
    before = graph.spec(sources[0]).shape if sources else None
    outer, entering = _width(graph, here), _channels(layer, before)
    inner = _width(graph, call)
    if flattened:
        if inner is not None and entering is not None and inner < entering:
            return None
        inner, entering = _numbers(graph.calls[call].outputs[0].shape), _numbers(before)
    if inner is None or outer is None or (inner < outer and (entering is None or inner < entering)):
        return None
    second = innermost(graph, graph.layer(here))
    if graph.calls[here].scope != graph.calls[call].scope:
        return None
    return here if _called_once(graph, here) and not _separable(layer, second) else None


def _called_once(graph: ModelGraph, call: str) -> bool:
    return graph.called_once(graph.calls[call].layer)


def _hands_on(graph: ModelGraph, call: str) -> bool:
    """Whether a call does nothing but drop or pad."""
    traits = graph.layer(call).traits
    if traits.family in (Family.DROPOUT, Family.PADDING, Family.IDENTITY):
        return True
    return traits.name == "Activation" and activation_of(graph, call)[0] == "linear"


def _averages(graph: ModelGraph, call: str) -> bool:
    """Whether a call averages over windows, which is linear and keeps the axes."""
    traits = graph.layer(call).traits
    return traits.family is Family.POOLING and traits.linear


def _flattens(graph: ModelGraph, call: str) -> bool:
    return graph.layer(call).traits.name == "Flatten"


def _numbers(shape: Shape | None) -> int | None:
    """How many numbers a tensor has for each sample."""
    return multiply(*shape[1:]) if shape else None


def _upsamples(layer: Layer) -> bool:
    strides = layer.config.get("strides", 1)
    each = strides if isinstance(strides, (list, tuple)) else (strides,)
    return layer.traits.transposed and any(one != 1 for one in each)


def _separable(first: Layer, second: Layer) -> bool:
    """Whether two kernels are long on different axes, such as 7x1 and 1x7."""
    one, other = (layer.config.get("kernel_size") for layer in (first, second))
    if not isinstance(one, (list, tuple)) or not isinstance(other, (list, tuple)) or len(one) != len(other):
        return False
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if isinstance(a, int) and isinstance(b, int)]
    return any(a > b for a, b in pairs) and any(a < b for a, b in pairs)
