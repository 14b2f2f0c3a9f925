"""H001: recorded, inferred, built and stored shapes compared with each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import LayerDefinition, Shape, TensorSpec, map_leaves
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor
from graphlint.shapes import ShapeError, Slot, infer, slots
from graphlint.shapes.attention import projections


class ShapeConflict(Rule):
    """A shape is recorded differently in two places of the file.

    ## What it does
    Compares, for every call of a layer whose shapes can be inferred, the shapes recorded on the tensors, the shape that
    follows from the layer's configuration and inputs, the shape the layer was built for, and the shapes of its stored
    weights. Conflicts that follow from an earlier one belong to its finding.

    ## Why is this bad?
    The model cannot be rebuilt, or is rebuilt differently from what was trained. The file was edited, merged from two
    models, or written by code that changed a layer after it was built.

    ## Example
    ```python
    import json
    import zipfile

    good = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
    good.save(tmp_path / "good.keras")
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["config"]["units"] = 5
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
    ```

    ## Fix
    None: only the author can say which side is right. Build the model again from code, load the weights into it layer
    by layer, and save it.

    ## Not reported
    Unknown dimensions, layers whose shapes graphlint cannot infer, custom layers.

    ## References
    Tensfa (ICSE 2021) counts shape faults as the most frequent in deep-learning programs.
    """

    code = "H001"
    name = "shape-conflict"
    severity = Severity.ERROR
    in_code = "Quiet: the shapes of calls that code makes were recorded by running it, and are written nowhere."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen: set[int] = set()
        found: list[tuple[Problem, list[str | Tensor]]] = []
        behind: dict[str, int] = {}
        reported: dict[str, int | None] = {}
        for call in graph.calls.values():
            cause = reported.get(call.layer)
            if behind and cause is None:
                cause = next((behind[one.call] for one in graph.producers(call.id) if one.call in behind), None)
            if call.definition is not None and id(call.definition) not in seen and call.layer not in reported:
                seen.add(id(call.definition))
                inside = graph.layers[call.layer].is_input
                problem, spreads = (_fed(graph, call), True) if inside else _conflict(graph, call)
                if problem is not None and cause is not None and problem.node is not None:
                    found[cause][1].append(problem.node)
                elif problem is not None:
                    found.append((problem, []))
                    cause = len(found) - 1 if spreads else None
                if problem is not None:
                    reported[call.layer] = cause
            if cause is not None:
                behind[call.id] = cause
        for problem, others in found:
            yield replace(problem, related=(*problem.related, *others))


def _fed(graph: ModelGraph, call: Call) -> Problem | None:
    """An Input of a nested model against the tensor it receives."""
    for source in graph.producers(call.id):
        fed, declared = graph.spec(source).shape, call.outputs[0].shape
        if fed is None or declared is None or abs(len(fed) - len(declared)) == 1 or _agree(fed, declared):
            continue
        return Problem(
            f"declares the shape {shape_text(declared)} but receives {shape_text(fed)}",
            call.id,
            "Build the model again from code so that the shapes agree.",
            related=(source,),
        )
    return None


def _conflict(graph: ModelGraph, call: Call) -> tuple[Problem | None, bool]:
    """What is wrong with a call, and whether later shapes follow from it; recorded shapes do not."""
    if graph.in_code(call.id):
        return None, True  # Its shapes were recorded as it ran.
    layer = graph.layers[call.layer]

    def spec(leaf: Any) -> Any:
        return graph.spec(leaf) if isinstance(leaf, Tensor) else leaf

    hint = "Build the model again from code, load the weights with layer.set_weights(...), and save it."
    # The reader has inferred the same, unless it did not know the size of a vocabulary yet.
    known = call.definition.inferred if call.definition is not None and layer.vocabulary_size is None else None
    if known is call.outputs and not graph.has_weights:
        return None, True
    args, kwargs = map_leaves(call.args, spec), map_leaves(call.kwargs, spec)
    sources = tuple(dict.fromkeys(graph.producers(call.id)))
    try:
        inferred = infer(layer.definition, args, kwargs) if known is None else known
    except ShapeError as error:
        return Problem(f"{layer.class_name} {error}", call.id, hint, related=sources), True
    for output, (recorded, expected) in enumerate(zip(call.outputs, inferred or (), strict=False)):
        if recorded.shape is not None and expected.shape is not None and not _agree(recorded.shape, expected.shape):
            message = (
                f"output {output} is recorded as {shape_text(recorded.shape)}, but {layer.class_name} gives "
                f"{shape_text(expected.shape)} for {_inputs(graph, sources)}"
            )
            return Problem(message, call.id, hint, related=sources), False
    return _weights(graph, call, layer, args, kwargs, hint), True


def _weights(graph: ModelGraph, call: Call, layer: Layer, args: Any, kwargs: Any, hint: str) -> Problem | None:
    """The stored weights of a layer and of the layers in a wrapper, against what the input requires."""
    first = args[0] if len(args) > 0 else None
    shape = first.shape if isinstance(first, TensorSpec) else None
    inside = projections(layer.definition, args, kwargs) if layer.traits.name == "MultiHeadAttention" else {}
    for path, definition, built in _built_for(graph, layer, shape):
        variables = graph.variables_of(path)
        if not variables:
            continue
        expected = inside.get(path.removeprefix(f"{layer.path}/")) or slots(
            replace(definition, build_shape=list(built)) if built is not None else definition
        )
        if expected is None or len(expected) != len(variables):
            continue
        named = {variable.slot: variable for variable in variables}
        if all(slot.name in named for slot in expected):  # Legacy files list non-trainable weights last.
            variables = [named[slot.name] for slot in expected]
        for slot, variable in zip(expected, variables, strict=True):
            if slot.shape is not None and not _alike(slot, variable.shape):
                text = f" for an input of {shape_text(built)}" if built is not None else ""
                return Problem(
                    f"{slot.name} is stored with the shape {shape_text(variable.shape)}, but {definition.class_name}"
                    f"{text} needs {shape_text(slot.shape)}",
                    variable.id,
                    hint,
                    related=(call.id,),
                )
    return None


def _alike(slot: Slot, stored: Shape) -> bool:
    """Whether a stored shape is the expected one; scales of quantized kernels used to have extra dimensions of 1."""
    assert slot.shape is not None
    one, other = tuple(slot.shape), tuple(stored)
    if slot.name.endswith("_scale"):
        one, other = tuple(dim for dim in one if dim != 1), tuple(dim for dim in other if dim != 1)
    return one == other


def _built_for(
    graph: ModelGraph, layer: Layer, shape: Shape | None
) -> Iterator[tuple[str, LayerDefinition, Shape | None]]:
    """A layer and the sublayers of Keras's wrappers, with the input shape of each if it is known."""
    stack: list[tuple[str, Shape | None]] = [(layer.path, shape)]
    while stack:
        path, built = stack.pop()
        definition = graph.layers[path].definition
        if not graph.layers[path].is_keras:
            continue
        yield path, definition, built
        below = {id(child): name for name, child in definition.children.items()}
        for child in graph.children.get(path, []):
            name = below.get(id(graph.layers[child].definition))
            if name in ("cell", "layer") and definition.traits.name != "SpectralNormalization":
                stack.append((child, (built[0], *built[2:]) if built is not None and len(built) > 2 else None))
            elif name in ("forward_layer", "backward_layer"):
                stack.append((child, built))
            else:
                stack.append((child, None))


def _inputs(graph: ModelGraph, sources: tuple[Tensor, ...]) -> str:
    return " and ".join(shape_text(graph.spec(source).shape) for source in sources[:3]) or "no tensor"


def _agree(first: Shape, second: Shape) -> bool:
    return len(first) == len(second) and all(
        one is None or other is None or one == other for one, other in zip(first, second, strict=True)
    )
