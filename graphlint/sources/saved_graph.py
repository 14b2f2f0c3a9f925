"""The graph of a SavedModel: what its operations do besides computing, and the metadata of TensorFlow 2.0 to 2.4.

``SavedModel`` holds meta graphs (field 2); a meta graph its nodes and functions (``GraphDef``, field 2), the nodes
that save and restore (``SaverDef``, field 3), its assets (field 6) and its objects (``SavedObjectGraph``, field 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graphlint.errors import UnreadableError
from graphlint.knowledge.advisories import Danger
from graphlint.knowledge.namespaces import is_checkpoint_operation, is_known_operation, operation_effect
from graphlint.knowledge.protobuf import message_fields
from graphlint.model.definition import ProblemKind, SourceProblem

_META_GRAPHS = 2
_GRAPH, _SAVER, _ASSETS, _OBJECTS = 2, 3, 6, 7
_NODES, _LIBRARY, _FUNCTIONS = 1, 2, 1
_SIGNATURE, _FUNCTION_NODES = 1, 3
_NAME, _OPERATION, _INPUT, _ATTRIBUTE = 1, 2, 3, 5
_VALUE, _LIST, _CALLED, _CALLED_IN_LIST = 2, 1, 10, 9
_USER_OBJECT, _BARE_FUNCTION = 4, 8
_IDENTIFIER, _METADATA = 1, 3
_FUNCTION_TABLE = 2
_KERAS = b"_tf_keras"
_TABLE_FILE = re.compile(r"InitializeTableFromTextFile(V2)?")
_SAVED_BY_TENSORFLOW_1 = re.compile(r"save(_\d+)?/")
_MOST_SHOWN = 5


@dataclass(slots=True)
class _Node:
    name: str
    operation: str
    inputs: list[str]
    calls: list[str]


@dataclass(slots=True)
class SavedGraph:
    """What is found in ``saved_model.pb``: problems, and the Keras metadata of its objects as ``(path, JSON text)``."""

    problems: list[SourceProblem] = field(default_factory=list)
    metadata: list[tuple[str, bytes]] = field(default_factory=list)


def read_graph(data: memoryview, what: str) -> SavedGraph:
    """Look at every operation of a SavedModel.

    Raises:
        UnreadableError: no valid message: what it does cannot be told.
    """
    found = SavedGraph()
    try:
        for meta_graph in _messages(data, _META_GRAPHS):
            _read_meta_graph(meta_graph, found)
    except (ValueError, UnicodeDecodeError) as error:
        raise UnreadableError(
            f"{what} is not a valid protobuf message ({error}): what it does cannot be told; save or download it again"
        ) from None
    return found


def _read_meta_graph(data: memoryview, found: SavedGraph) -> None:
    fields: dict[int, list[memoryview]] = {}
    for number, content in message_fields(data):
        if isinstance(content, memoryview):
            fields.setdefault(number, []).append(content)
    bodies: dict[str, list[_Node]] = {"": []}
    for graph in fields.get(_GRAPH, []):
        bodies[""] += [_node(node) for node in _messages(graph, _NODES)]
        for library in _messages(graph, _LIBRARY):
            for function in _messages(library, _FUNCTIONS):
                name = "".join(
                    _text(one) for signed in _messages(function, _SIGNATURE) for one in _messages(signed, _NAME)
                )
                bodies.setdefault(name, []).extend(_node(node) for node in _messages(function, _FUNCTION_NODES))
    saver = {
        _text(text).partition(":")[0]
        for held in fields.get(_SAVER, [])
        for _, text in message_fields(held)
        if isinstance(text, memoryview)
    }
    assets = {name.partition(":")[0] for name in _asset_tensors(fields.get(_ASSETS, []))}
    exported: set[str] = set()
    for objects in fields.get(_OBJECTS, []):
        exported |= _read_objects(objects, found)
    found.problems += _problems(bodies, _checkpoint_functions(bodies, saver, exported), assets)


def _problems(bodies: dict[str, list[_Node]], checkpoint: set[str], assets: set[str]) -> Iterator[SourceProblem]:
    places: dict[tuple[str, str], list[str]] = {}
    unknown: dict[str, None] = {}
    for function, nodes in bodies.items():
        operations = {node.name: node for node in nodes}
        for node in nodes:
            if not is_known_operation(node.operation):
                unknown[node.operation] = None
            effect = operation_effect(node.operation)
            if effect is None or _is_ordinary(node, function, operations, checkpoint, assets):
                continue
            places.setdefault((node.operation, effect), []).append(f"{function}/{node.name}" if function else node.name)
    if unknown:
        shown = ", ".join(map(repr, list(unknown)[:_MOST_SHOWN]))
        yield SourceProblem(
            ProblemKind.UNSEEN, f"the graph holds operations that TensorFlow itself does not have: {shown}"
        )
    for (operation, effect), names in places.items():
        more = f" and {len(names) - _MOST_SHOWN:,} more" if len(names) > _MOST_SHOWN else ""
        yield SourceProblem(
            ProblemKind.GADGET,
            f"the graph holds the operation {operation!r}, which {effect}, in "
            f"{', '.join(map(repr, names[:_MOST_SHOWN]))}{more}",
            danger=Danger.GRAPH_OPERATION,
        )


def _is_ordinary(node: _Node, function: str, nodes: dict[str, _Node], checkpoint: set[str], assets: set[str]) -> bool:
    """Whether an operation on files is one that every SavedModel has: for its variables, its assets, or given data."""
    if is_checkpoint_operation(node.operation):
        own = function in checkpoint or (not function and _SAVED_BY_TENSORFLOW_1.match(node.name) is not None)
        return own and _is_given(node, nodes)
    if node.operation.startswith("IteratorGet"):  # `adapt` and training are saved as functions of an iterator
        return _is_given(node, nodes)
    if _TABLE_FILE.fullmatch(node.operation):
        name = node.inputs[1].partition(":")[0] if len(node.inputs) > 1 else ""
        source = nodes.get(name)
        return source is None or source.operation != "Const" or (not function and name in assets)
    return False


def _is_given(node: _Node, nodes: dict[str, _Node]) -> bool:
    """Whether the first input of an operation comes from whoever runs it, and not from the file."""
    stack, seen = [node.inputs[0] if node.inputs else ""], set()
    while stack:
        name = stack.pop().removeprefix("^").partition(":")[0]
        source = nodes.get(name)
        if source is None or source.operation.startswith("Placeholder"):
            return name != ""
        if name not in seen:
            seen.add(name)
            stack += source.inputs
    return False


def _checkpoint_functions(bodies: dict[str, list[_Node]], saver: set[str], exported: set[str]) -> set[str]:
    """The functions that only the saver calls, and no signature, no other function and no Python object."""
    callers: dict[str, set[tuple[str, str]]] = {}
    for function, nodes in bodies.items():
        for node in nodes:
            for called in node.calls:
                callers.setdefault(called, set()).add((function, node.name))
    return {
        function
        for function, places in callers.items()
        if function not in exported and all(not caller and name in saver for caller, name in places)
    }


def _node(data: memoryview) -> _Node:
    name = operation = ""
    inputs: list[str] = []
    calls: list[str] = []
    for number, content in message_fields(data):
        if not isinstance(content, memoryview):
            continue
        if number == _NAME:
            name = _text(content)
        elif number == _OPERATION:
            operation = _text(content)
        elif number == _INPUT:
            inputs.append(_text(content))
        elif number == _ATTRIBUTE:
            calls += _called(content)
    return _Node(name, operation, inputs, calls)


def _called(attribute: memoryview) -> Iterator[str]:
    """The functions that an attribute of a node names."""
    for value in _messages(attribute, _VALUE):
        for number, content in message_fields(value):
            if not isinstance(content, memoryview):
                continue
            if number == _CALLED:
                yield from (_text(name) for name in _messages(content, _NAME))
            elif number == _LIST:
                for called in _messages(content, _CALLED_IN_LIST):
                    yield from (_text(name) for name in _messages(called, _NAME))


def _read_objects(data: memoryview, found: SavedGraph) -> set[str]:
    """Keep the metadata of Keras's objects; returns the functions that objects name."""
    functions: set[str] = set()
    for index, node in enumerate(_messages(data, _NODES)):
        for user in _messages(node, _USER_OBJECT):
            fields = dict(message_fields(user))
            identifier, text = fields.get(_IDENTIFIER), fields.get(_METADATA)
            keras = isinstance(identifier, memoryview) and bytes(identifier).startswith(_KERAS)
            if keras and isinstance(text, memoryview) and text:
                found.metadata.append(("root" if index == 0 else f"object {index}", bytes(text)))
        for function in _messages(node, _BARE_FUNCTION):
            functions |= {_text(name) for name in _messages(function, _NAME)}
    for entry in _messages(data, _FUNCTION_TABLE):
        functions |= {_text(name) for name in _messages(entry, _NAME)}
    return functions


def _asset_tensors(assets: list[memoryview]) -> Iterator[str]:
    for asset in assets:
        for tensor in _messages(asset, 1):
            yield from (_text(name) for name in _messages(tensor, _NAME))


def _messages(data: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, content in message_fields(data):
        if number == wanted and isinstance(content, memoryview):
            yield content


def _text(data: memoryview) -> str:
    return bytes(data).decode()
