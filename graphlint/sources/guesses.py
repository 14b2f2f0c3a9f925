"""Which class of Keras a layer probably has that is known only from its stored variables.

A guess goes by the name under which the layer is stored, by what is stored inside it and by the shapes of its
variables. It helps to read a report; nothing is ever held against a model because of it.
"""

from __future__ import annotations

import re
from functools import cache

from graphlint.knowledge.layers import layer_names
from graphlint.knowledge.naming import snake_case
from graphlint.model.definition import LayerDefinition

_NUMBER = re.compile(r"_\d+$")
_ATTENTION = frozenset({"query_dense", "key_dense", "value_dense", "output_dense"})
_GATES = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_CONVOLUTIONS = {3: "Conv1D", 4: "Conv2D", 5: "Conv3D"}

Shapes = tuple[tuple[int, ...], ...]


def guess_classes(root: LayerDefinition) -> None:
    """Give each layer without a class that has an obvious one a guess, from the innermost ones outwards."""
    order: list[LayerDefinition] = []
    stack, seen = [root], {id(root)}
    while stack:
        layer = stack.pop()
        order.append(layer)
        inner = [*layer.children.values(), *(layer.body.layers if layer.body is not None else ())]
        for one in inner:
            if id(one) not in seen:
                seen.add(id(one))
                stack.append(one)
    for layer in reversed(order):
        for path, child in layer.children.items():
            if child.class_name is None and child.guessed_class is None:
                child.guessed_class = guess(path, child)


def guess(path: str, layer: LayerDefinition) -> str | None:
    """The class that a layer stored under an attribute path probably has; None where nothing points to one."""
    children = {name.partition("/")[0] for name in layer.children}
    shapes = tuple(variable.shape for variable in layer.variables)
    if layer.children:
        return _by_children(layer, children, shapes)
    for name in (_NUMBER.sub("", path.rpartition("/")[2]), _NUMBER.sub("", layer.name)):
        found = _classes_by_name().get(name)
        if found is not None and _fits(found, shapes):
            return found
    return _by_shapes(shapes, f"{path} {layer.name}".lower())


@cache
def _classes_by_name() -> dict[str, str]:
    return {snake_case(name): name for name in layer_names()}


def _by_children(layer: LayerDefinition, children: set[str], shapes: Shapes) -> str | None:
    plain = {name.removeprefix("_") for name in children}
    if plain >= _ATTENTION:
        named = _NUMBER.sub("", layer.name)
        return "GroupQueryAttention" if named.startswith("group") else "MultiHeadAttention"
    if {"forward_layer", "backward_layer"} <= children:
        return "Bidirectional"
    if children == {"cell"} and not shapes:
        return _cell(tuple(variable.shape for variable in layer.children["cell"].variables))
    if children == {"seed_generator"} and not shapes:
        found = _classes_by_name().get(_NUMBER.sub("", layer.name))
        return found if found is not None else "Dropout" if "drop" in layer.name.lower() else None
    if children == {"layers"} or (not shapes and all(name.partition("/")[0] == "layers" for name in layer.children)):
        named = _NUMBER.sub("", layer.name)
        return "Sequential" if "functional" not in named and "model" not in named else None
    return None


def _cell(shapes: Shapes) -> str | None:
    if len(shapes) < 2 or len(shapes[0]) != 2 or len(shapes[1]) != 2:
        return "ConvLSTM2D" if shapes and len(shapes[0]) == 4 else None
    units, wide = shapes[1]
    return _GATES.get(wide // units) if units and wide % units == 0 and shapes[0][1] == wide else None


def _fits(name: str, shapes: Shapes) -> bool:
    """Whether a class of this name could have variables of these shapes."""
    ranks = [len(shape) for shape in shapes]
    if name == "Dense":
        return ranks in ([2], [2, 1]) and (len(shapes) == 1 or shapes[0][1] == shapes[1][0])
    if name == "Embedding":
        return ranks == [2]
    if name in ("LayerNormalization", "GroupNormalization"):
        return len(ranks) in (1, 2) and len(set(shapes)) == 1
    if name == "BatchNormalization":
        return 2 <= len(ranks) <= 4 and len(set(shapes)) == 1
    if name == "EinsumDense":
        return bool(ranks) and ranks[0] >= 2
    if re.fullmatch(r"(Depthwise)?Conv[123]D(Transpose)?", name):
        return bool(ranks) and ranks[0] == 2 + int(re.sub(r"\D", "", name)) and len(ranks) <= 2
    return bool(shapes)


def _by_shapes(shapes: Shapes, names: str) -> str | None:
    ranks = tuple(map(len, shapes))
    if not shapes or (ranks == (1,) and len(shapes[0]) == 1 and shapes[0] == (2,) and "seed" in names):
        return None
    if set(ranks) == {1} and len(set(shapes)) == 1:
        return {1: _scale(names), 2: _scale(names), 4: "BatchNormalization"}.get(len(shapes))
    if ranks in ((2,), (2, 1)) and (len(shapes) == 1 or shapes[0][1] == shapes[1][0]):
        return "Embedding" if len(shapes) == 1 and _is_table(shapes[0], names) else "Dense"
    if len(shapes) <= 2 and ranks[0] in _CONVOLUTIONS:
        return _kernel(shapes, names)
    if ranks == (2, 2, 1) or ranks == (2, 2, 2):
        return f"{found}Cell" if (found := _cell(shapes)) is not None else None
    if ranks == (4, 4, 1) and shapes[1][:2] == (1, 1):
        return "SeparableConv2D"
    return None


def _scale(names: str) -> str | None:
    if "rms" in names:
        return "RMSNormalization"
    return "LayerNormalization" if "norm" in names or re.search(r"(^|[ _/])ln", names) else None


def _is_table(shape: tuple[int, ...], names: str) -> bool:
    if "embed" in names or "token" in names or "position" in names:
        return True
    return shape[0] >= 16 * shape[1]


def _kernel(shapes: Shapes, names: str) -> str | None:
    kernel = shapes[0]
    bias = shapes[1] if len(shapes) == 2 else None
    if bias is not None and len(bias) > 1:
        return "EinsumDense"
    if len(kernel) == 3 and "conv" not in names:
        joined = kernel[0] * kernel[1] == kernel[2] or kernel[1] * kernel[2] == kernel[0]
        return "EinsumDense" if joined or re.search("dense|query|key|value|output|attention|proj", names) else "Conv1D"
    if len(kernel) == 4 and kernel[3] == 1 and ("depth" in names or bias == (kernel[2],)):
        return "DepthwiseConv2D"
    if bias is not None and bias[0] != kernel[-1]:
        return f"{_CONVOLUTIONS[len(kernel)]}Transpose" if bias[0] == kernel[-2] else None
    return _CONVOLUTIONS[len(kernel)]
