"""`show`: a model as canonical text, the same for every save of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphlint.comparison.arguments import layer_arguments
from graphlint.comparison.bodies import Bodies, Item, Names, Unit
from graphlint.comparison.compilation import compilation
from graphlint.comparison.numbers import content_hash
from graphlint.model.address import ROOT, escape
from graphlint.model.definition import Body, Format, LayerDefinition, TensorSpec
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.reports.safe import in_line
from graphlint.reports.text import counted


def show(graph: ModelGraph, *, weights: bool = True, depth: int | None = None) -> str:
    """A model as text: signature, calls in graph order, compilation, variables.

    The text is the same whenever the same model is saved, in whatever format it can be read back from, but for the
    first line, which says which Keras saved it. With ``weights`` each variable has a hash of its numbers. Bodies deeper
    than ``depth`` are counted and not listed.

    Raises:
        UnreadableError: the numbers cannot be read.
    """
    return "\n".join(in_line(line) for line in _Text(graph, weights, depth).lines())


def spec_text(spec: TensorSpec) -> str:
    """Shape and dtype of a tensor.

    >>> spec_text(TensorSpec((None, 3), "int32"))
    '(?, 3) int32'
    """
    return f"{shape_text(spec.shape)} {spec.dtype or '?'}"


def call_text(definition: LayerDefinition, item: Item | None = None) -> str:
    """The class of a layer with the arguments that differ from their defaults, and those of the call."""
    arguments = [f"{key}={value}" for key, value in layer_arguments(definition).items()]
    arguments += [f"{key}: {value}" for key, value in (item.arguments.items() if item is not None else ())]
    return f"{definition.class_name or '(unknown)'}({', '.join(arguments)})"


class _Text:
    def __init__(self, graph: ModelGraph, weights: bool, depth: int | None) -> None:
        self.graph = graph
        self.weights = weights
        self.depth = depth
        self.names = Names(graph)
        self.bodies = Bodies(graph)
        self.printed: dict[int, str] = {}
        """``id(body)`` -> the call under which it was printed."""
        self._times: dict[int, Counter[str]] = {}

    def lines(self) -> Iterator[str]:
        graph, definition = self.graph, self.graph.definition
        saved = f", Keras {definition.keras_version}" if definition.keras_version else ""
        kind = "in memory" if definition.format is Format.LIVE else definition.format.value
        yield f"{kind}{saved}"
        if definition.has_graph:
            root = graph.root
            flags = "" if root.trainable else ", frozen"
            opaque = ", opaque" if root.opaque else ", opened" if root.traced else ""
            yield f"model: {root.class_name or '(unknown)'}{opaque}{flags}"
            yield from self.signature()
            yield from self.calls()
            yield from self.compiled()
        if definition.has_weights:
            yield from self.variables()
        elif definition.has_graph:
            yield ""
            yield "no weights"

    def signature(self) -> Iterator[str]:
        root = self.bodies.root
        if root is None:
            return
        yield ""
        yield "signature"
        for place in root.inputs:
            item = root.items[place]
            yield f"  in {self.names.part(item.layer)}: {_specs(item)}"
        for source in root.outputs:
            item = root.items[source.item]
            where = f"{source.argument} = " if source.argument and not source.argument.isdecimal() else ""
            spec = item.outputs[source.output] if source.output < len(item.outputs) else TensorSpec(None, None)
            if item.body is not None:
                spec = self.inner_spec(item, source.output)
            yield f"  out {where}{self.label(root, source.item, source.output)}: {spec_text(spec)}"

    def inner_spec(self, item: Item, output: int) -> TensorSpec:
        """The spec of an output of a nested model."""
        while item.body is not None:
            unit = self.bodies.unit(item.body, item.layer)
            if output >= len(unit.outputs):
                return TensorSpec(None, None)
            source = unit.outputs[output]
            item, output = unit.items[source.item], source.output
        return item.outputs[output] if output < len(item.outputs) else TensorSpec(None, None)

    # -- calls --------------------------------------------------------------------------------------------------

    def calls(self) -> Iterator[str]:
        yield ""
        yield "calls"
        root = self.bodies.root
        if root is None:
            yield from self.held(ROOT, "  ")
            return
        yield from self.body(root, 1)

    def body(self, unit: Unit, depth: int) -> Iterator[str]:
        """The calls of a body and of the bodies in it, without recursion."""
        stack = [self.entered(unit, depth)]
        while stack:
            try:
                line, inner = next(stack[-1])
            except StopIteration:
                stack.pop()
                continue
            yield line
            if inner is not None:
                stack.append(self.entered(inner, len(stack) + depth))

    def entered(self, unit: Unit, depth: int) -> Iterator[tuple[str, Unit | None]]:
        indent = "  " * depth
        for place, item in enumerate(unit.items):
            opened: Unit | None = None
            after = ""
            if item.body is not None:
                after, opened = self.inside(unit, place, item, item.body, depth)
            yield f"{indent}{self.label(unit, place)}: {self.call(unit, place, item)}{after}", opened
            if item.body is None and item.index == 0:
                for line in self.held(item.layer, f"{indent}  "):
                    yield line, None
        called = {item.layer for item in unit.items}
        for layer in unit.body.layers:
            path = self.graph.layer_of[id(layer)]
            if path not in called:
                called.add(path)
                yield f"{indent}{self.names.part(path)}: {call_text(layer)}, never called{self.facts(path)}", None
        if unit.container != ROOT and unit.outputs:
            returned = ", ".join(self.label(unit, one.item, one.output) for one in unit.outputs)
            yield f"{indent}returns {returned}", None

    def inside(self, unit: Unit, place: int, item: Item, body: Body, depth: int) -> tuple[str, Unit | None]:
        before = self.printed.get(id(body))
        inner = self.bodies.unit(body, item.layer)
        if before is not None:
            return f", as {before}", None
        self.printed[id(body)] = self.label(unit, place)
        if self.depth is not None and depth >= self.depth:
            return f", {counted(len(inner.items), 'call')} inside", None
        return "", inner

    def call(self, unit: Unit, place: int, item: Item) -> str:
        shapes = [spec_text(spec) for spec in item.outputs]
        text = call_text(item.definition, item)
        straight = len(item.sources) == 1 and item.sources[0].item == place - 1 and item.sources[0].output == 0
        if item.sources and not straight:
            text += f" of {', '.join(self.label(unit, one.item, one.output) for one in item.sources)}"
        if item.body is None:
            text += f" -> {', '.join(shapes) or '?'}"
        if item.index:
            return text + ", shared"
        return text + self.facts(item.layer)

    def facts(self, path: str) -> str:
        """What else a line says of a layer: parameters, other places, whether it is frozen or opaque."""
        layer = self.graph.layers[path]
        held = self.graph.variables_below(path)
        size = sum(variable.size for variable in held)
        parts = [counted(size, "parameter")] if size and self.graph.has_weights else []
        if layer.definition.body is not None and layer.definition.body.traced:
            parts.append("opened")
        if layer.opaque:
            parts.append("opaque")
        elsewhere = [alias for alias in layer.aliases if self.graph.has_weights]
        parts += [f"also {alias}" for alias in sorted(map(self.alias, elsewhere))]
        if not layer.trainable and (held or layer.container):
            parts.append("frozen")
        return "".join(f", {part}" for part in parts)

    def alias(self, path: str) -> str:
        parent = path.rpartition("/")[0]
        outer = f"{self.names.path(parent)}/" if parent in self.graph.layers else ""
        return outer + path.rpartition("/")[2] if outer else path

    def label(self, unit: Unit, place: int, output: int = 0) -> str:
        item = unit.items[place]
        name = self.names.part(item.layer)
        if self.graph.layers[item.layer].parent != unit.container:
            name = self.names.path(item.layer)
        if self.times(unit)[item.layer] > 1:
            name += f"#{item.index}"
        return name if not output else f"{name}:{output}"

    def times(self, unit: Unit) -> Counter[str]:
        found = self._times.get(id(unit))
        if found is None:
            found = self._times[id(unit)] = unit.times_called()
        return found

    def held(self, path: str, indent: str) -> Iterator[str]:
        """The layers that a layer holds without calling them in a body that is seen."""
        outer = "" if path == ROOT else f"{self.names.path(path)}/"
        for layer in self.graph.layers_below(path):
            size = sum(variable.size for variable in self.graph.variables_of(layer.path))
            if layer.path != path and size:
                name = self.names.path(layer.path).removeprefix(outer)
                yield f"{indent}holds {name}: {counted(size, 'parameter')}"

    # -- the rest -----------------------------------------------------------------------------------------------

    def compiled(self) -> Iterator[str]:
        settings = compilation(self.graph)
        if not settings:
            return
        yield ""
        yield "compiled with"
        for key, text in settings.items():
            yield f"  {key}: {text}"

    def variables(self) -> Iterator[str]:
        graph = self.graph
        yield ""
        total = graph.parameters
        yield f"variables: {total.total:,} parameters, {total.trainable:,} trainable"
        hashes = self.hashes()
        for variable in graph.variables.values():
            flag = "trainable" if trained(graph, variable) else "not trainable"
            holders = [one for one in graph.holders(variable.id) if one != variable.layer]
            tied = "".join(f", also of {self.names.path(one)}" for one in holders)
            path = self.names.path(variable.layer)
            shape = f"({', '.join(map(str, variable.shape))}{',' if len(variable.shape) == 1 else ''})"
            number = f" {hashes[variable.id]}" if variable.id in hashes else ""
            yield f"  {path}@{escape(variable.slot)} {shape} {variable.dtype} {flag}{number}{tied}"
        optimizer = graph.optimizer
        if optimizer is not None and optimizer.variables and not graph.live:
            size = sum(_size(one.shape) for one in optimizer.variables)
            yield f"  optimizer: {counted(len(optimizer.variables), 'variable')}, {counted(size, 'number')}"

    def hashes(self) -> dict[str, str]:
        """A hash of the numbers of each variable, read in the order in which they lie in the file."""
        graph = self.graph
        if not self.weights:
            return {}
        stored = [one for one in graph.variables.values() if one.values is not None]
        stored.sort(key=lambda one: one.values.position if one.values is not None else 0)
        found = {one.id: content_hash(one.values) for one in stored if one.values is not None}
        if graph.definition.unverified is not None:
            graph.definition.unverified.finish()
        return found


def _specs(item: Item) -> str:
    return ", ".join(spec_text(spec) for spec in item.outputs)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for one in shape:
        size *= one
    return size
