"""What a source produces: one model as it was defined, before nested models are expanded.

A definition is a tree of `LayerDefinition` objects in which sharing is Python identity: a layer that is used in two
places is one object. Sources (a file, a live model) build definitions; `graphlint.model.expand` turns one into the
`ModelGraph` that everything else reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from graphlint.knowledge import layers, operations
from graphlint.knowledge.advisories import Danger
from graphlint.knowledge.origin import is_keras_class

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int | None, ...]

INFERENCE = "inference"
TRAINING = "training"
MODES = frozenset({INFERENCE, TRAINING})


class TensorSpec(NamedTuple):
    """Shape (``None`` where the rank is unknown, a ``None`` entry where a dimension is free) and dtype of a tensor."""

    shape: Shape | None
    dtype: str | None


class Values(Protocol):
    """The numbers of one variable, read on demand and never kept.

    ``chunks`` yields flat arrays of at most about 1 MiB each, in storage order. ``position`` orders the variables of
    one file as they lie in it.
    """

    nbytes: int

    @property
    def position(self) -> int: ...

    def read(self) -> np.ndarray: ...

    def chunks(self) -> Iterator[np.ndarray]: ...


class Unverified(Protocol):
    """Stored numbers whose checksum was not compared yet, so that what needs none of them reads none."""

    def finish(self) -> None:
        """Compare it if any number was read.

        Raises:
            UnreadableError: the file is damaged.
        """


class TensorRef(NamedTuple):
    """Inside a body: output ``output`` of ``body.calls[call]``. Stands for a tensor in call arguments."""

    call: int
    output: int


class ConstantKind(StrEnum):
    """What a call argument is that is no tensor of the graph and no plain JSON value."""

    TENSOR = "tensor"
    """A baked backend tensor."""
    NUMPY = "numpy"
    VARIABLE = "variable"
    """Live only: a ``keras.Variable``."""
    SLICE = "slice"
    ELLIPSIS = "ellipsis"
    OBJECT = "object"
    MISSING = "missing"
    """A tensor of the graph that could not be found."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A call argument that is an array, a slice, a dtype or a serialized object, and not a plain JSON value.

    ``value`` is plain JSON data (nested lists for arrays).
    """

    kind: ConstantKind
    value: Any = None
    shape: Shape | None = None
    _: KW_ONLY
    dtype: str | None = None
    obj: Any = field(default=None, compare=False, repr=False)


@dataclass(eq=False, slots=True)
class VariableDefinition:
    """One variable in the order in which its layer saves it.

    ``slot`` is the variable's name inside its layer (``kernel``), or its index as text where that is not known.
    ``trainable`` is the variable's own flag: layer kind and layer flags applied, containers not.
    """

    slot: str
    index: int
    shape: tuple[int, ...]
    _: KW_ONLY
    dtype: str
    trainable: bool
    values: Values | None = None
    obj: Any = field(default=None, repr=False)


@dataclass(eq=False, slots=True)
class CallDefinition:
    """One call of a layer inside a body.

    ``args`` and ``kwargs`` are nested lists, tuples and dicts whose leaves are `TensorRef`, `Constant` or plain values.
    ``outputs`` has one spec for each output, used or not; ``None`` where nothing is known yet.
    """

    layer: LayerDefinition
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    outputs: tuple[TensorSpec, ...] | None = None
    obj: Any = field(default=None, repr=False)
    inferred: tuple[TensorSpec, ...] | None = None
    """Static only: what the reader found that the call returns, if its layer gave it all that is known."""
    form: Body | None = None
    """The body that this call runs, where it is not the one that its layer has first: code may do another thing in
    each call."""
    captured: tuple[Any, ...] = ()
    """What reaches a call beside its arguments: tensors and variables that its code finds elsewhere."""
    masks: tuple[Shape | None, ...] = ()
    """Of a traced call, the shape of the mask that each of its outputs carries."""
    modes: frozenset[str] = MODES
    """When the call is made: in ``inference``, in ``training``, or in both."""

    @property
    def body(self) -> Body | None:
        """What is inside the call."""
        return self.form if self.form is not None else self.layer.body


class Effect(NamedTuple):
    """What a call does beside returning something: ``kind`` is ``loss`` (``add_loss``), ``update`` (a variable is
    assigned) or ``metric`` (a metric is updated). ``tensors`` is where the value comes from, ``variable`` the
    ``keras.Variable`` that is written."""

    kind: str
    tensors: tuple[Any, ...]
    variable: Any = None


@dataclass(eq=False, slots=True)
class Body:
    """The inside of a Functional or Sequential model, or of code that was traced.

    ``inputs`` and ``outputs`` are nested structures (a `TensorRef`, or lists, tuples and dicts of them) as the model
    declares them. ``layers`` holds every layer of the model in its order, called or not, operations included; in a
    traced body those that are no sublayer of the layer it belongs to.
    """

    layers: list[LayerDefinition]
    calls: list[CallDefinition]
    inputs: Any
    _: KW_ONLY
    outputs: Any
    traced: bool = False
    """Whether code makes this body. Nothing in it is written to a file."""
    arguments: tuple[str, ...] = ()
    """Of a traced body: the path of the argument that each input stands for (``0``, ``query``, ``captured/0``). One
    that begins with ``mask:`` is the mask that the argument carries."""
    effects: tuple[Effect, ...] = ()


class Likeness(NamedTuple):
    """The number of all layers of a file whose configurations are like ``config``, that of one of them."""

    number: int
    config: dict[str, Any]


@dataclass(eq=False, slots=True)
class LayerDefinition:
    """One layer, operation or model.

    ``config`` is the layer's own configuration as plain JSON data, without the layers of a body. ``children`` are
    sublayers that are no part of a body, by attribute path (``forward_layer``, ``blocks/dense_1``), in the order in
    which Keras saves them. ``opaque`` says that a body exists that is code: a subclassed model, a custom layer with
    sublayers. ``trainable`` is the layer's own flag.
    """

    name: str
    class_name: str | None
    module: str | None = None
    _: KW_ONLY
    registered_name: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    trainable: bool = True
    dtype_policy: str | None = None
    build_shape: Any = None
    is_operation: bool = False
    is_model: bool = False
    opaque: bool = False
    opaque_because: str | None = None
    """Why the body of an opaque layer was not opened, where that was tried."""
    not_in_training: str | None = None
    """Why the body of an opened layer shows what it does in inference alone."""
    body: Body | None = None
    children: dict[str, LayerDefinition] = field(default_factory=dict)
    variables: list[VariableDefinition] = field(default_factory=list)
    obj: Any = field(default=None, repr=False)
    config_error: str | None = None
    """Live only: why the layer's configuration cannot be serialized."""
    vocabulary_size: int | None = None
    """Of a lookup layer: how many indices it gives, where its words are not in its configuration."""
    rebuilt: bool = False
    """Live only: a model whose file has the arguments of its constructor instead of its graph."""
    guessed_class: str | None = None
    """Static only: the class of Keras that a layer without one probably has, by what is stored of it. For messages."""
    shared_object_id: int | None = None
    """Static only: the id under which the file records this object as shared."""
    stored_at: str | None = None
    """Static only: where in the weights file the layer's group is, or would be."""
    likeness: Likeness | None = None
    """Static only."""
    has_weight_group: bool = True
    """Static only: False if the file's weights have no group for this layer although they have groups for others."""

    @property
    def alike(self) -> int | None:
        """A number that layers of one file share if their configurations say the same but for their names; None if
        that is not known, as of layers that were changed after they were read."""
        likeness = self.likeness
        return likeness.number if likeness is not None and likeness.config is self.config else None

    @property
    def is_keras(self) -> bool:
        """Whether the class is one of Keras's own, by what the configuration says of it."""
        return is_keras_class(self.class_name, self.module, self.registered_name)

    @property
    def traits(self) -> layers.LayerTraits:
        """What is known of a layer class of Keras; nothing of other classes and of operations."""
        if self.is_operation:
            return layers.UNKNOWN
        return layers.layer_traits(self.class_name, self.module, self.registered_name)

    @property
    def is_input(self) -> bool:
        return self.class_name == "InputLayer"

    @property
    def operation(self) -> operations.OperationTraits:
        """What is known of an operation of Keras; nothing of layers."""
        return operations.operation_traits(self.class_name) if self.is_operation else operations.UNKNOWN


@dataclass(eq=False, slots=True)
class OptimizerDefinition:
    """The optimizer of a compiled model: its class, configuration, and variables in saved order (unnamed in files)."""

    class_name: str
    module: str | None
    config: dict[str, Any]
    _: KW_ONLY
    variables: list[VariableDefinition] = field(default_factory=list)


class FlagsRead(StrEnum):
    """When a model that trains reads the ``trainable`` flags (measured on Keras 3.15)."""

    ONCE = "once"
    """On the first batch after ``compile``, where its training function is traced: TensorFlow."""
    EACH_STEP = "each step"
    """PyTorch, and TensorFlow with ``run_eagerly``. The optimizer refuses variables that it was not built for."""
    EACH_FIT = "each fit"
    """JAX. A `fit` raises if they are not as many variables as the optimizer was built for."""


@dataclass(eq=False, slots=True)
class TrainingState:
    """How far the training of a model in memory has come.

    ``begun`` says whether its training function was made, ``flags_read`` when that reads the ``trainable`` flags.
    ``built_for`` are the identities of the variables for which its optimizers were built, ``steps`` how many steps
    they have made, ``own_step`` whether a class has its own ``train_step``. ``flags`` are the flags that the layers had
    when the model was compiled, by identity; empty where Keras does not record them. ``learnable`` are the identities
    of the variables that are trained where nothing is frozen.
    """

    begun: bool
    flags_read: FlagsRead
    steps: int
    built_for: frozenset[int]
    own_step: bool
    flags: dict[int, bool]
    learnable: frozenset[int]


class ProblemKind(StrEnum):
    """What kind of problem a file has, or in which part."""

    ARCHIVE = "archive"
    HDF5 = "hdf5"
    JSON = "json"
    STRUCTURE = "structure"
    UNSEEN = "unseen"
    """What could not be judged."""
    GADGET = "gadget"
    """Something outside of configurations that does more than hold numbers."""


@dataclass(eq=False, slots=True)
class SourceProblem:
    """Something wrong in a file that could be read nevertheless.

    ``layer`` is the layer it concerns, if any, and ``danger`` whom it endangers.
    """

    kind: ProblemKind
    message: str
    layer: LayerDefinition | None = None
    danger: Danger | None = None


class FrontEnd(StrEnum):
    """What read a model: a file, or the objects in memory."""

    STATIC = "static"
    LIVE = "live"


class Format(StrEnum):
    """The format of a file; ``live`` for a model in memory."""

    KERAS = "keras"
    H5 = "h5"
    JSON = "json"
    WEIGHTS = "weights"
    SAVED_MODEL = "saved_model"
    DIRECTORY = "directory"
    NPZ = "npz"
    PICKLE = "pickle"
    LIVE = "live"
    SEVERAL = "several"
    """Several models together, not all of them in memory."""


@dataclass(eq=False, slots=True)
class ModelDefinition:
    """A whole model: the root layer and what belongs to the file or object around it.

    ``front_end`` is ``static`` or ``live``; ``format`` names the file format (``keras``, ``h5``, ``json``, ``weights``,
    ...), ``live`` for a model in memory. ``has_weights`` says whether variables (live or stored) are known;
    ``compile_config`` is None where the model is not compiled. ``raw`` is the whole parsed configuration as the file
    holds it (static only), for rules that must look at every dictionary; ``documents`` are the other parsed texts of
    the file, each with its name: whatever accompanies the configuration and some reader may use. ``stray_weights`` are
    stored groups that no layer of the configuration claims, with the number of elements in each. ``has_graph`` is False
    for a file that contains only weights. ``unbuilt_layers`` are layers that have no variables because they were never
    built.
    """

    root: LayerDefinition
    front_end: FrontEnd
    format: Format
    _: KW_ONLY
    keras_version: str | None = None
    backend: str | None = None
    """Static only: the backend that an HDF5 file says it was saved with."""
    has_weights: bool = False
    compile_config: dict[str, Any] | None = None
    optimizer: OptimizerDefinition | None = None
    training: TrainingState | None = None
    """Live only."""
    outside: dict[int, int] = field(default_factory=dict)
    """Live only: how many calls of its layers, by identity, and uses of their results belong to no part of it."""
    raw: Any = None
    documents: list[tuple[str, Any]] = field(default_factory=list)
    stray_weights: dict[str, int] = field(default_factory=dict)
    asset_names: tuple[str, ...] = ()
    problems: list[SourceProblem] = field(default_factory=list)
    has_graph: bool = True
    unbuilt_layers: tuple[str, ...] = ()
    depth: str = "weights"
    """How much was read: ``config``, ``structure`` (without the stored numbers) or ``weights``."""
    misnamed: str | None = None
    """What is wrong with the name of the file, which claims another format than its content."""
    unverified: Unverified | None = field(default=None, repr=False)
    weights_checksum: tuple[int, int] | None = None
    """Checksum and size of the stored weights as a whole, as the file declares them."""
    saved: str | None = None
    """Static only: when it was saved, as the file says, in a form that sorts by time."""
    asset_checksums: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The same of each file that accompanies the model, such as a vocabulary, by its name."""
    members: tuple[Member, ...] = ()
    """The models of a definition that is of several; its root then only holds theirs."""
    obj: Any = field(default=None, repr=False)

    @property
    def is_keras_2(self) -> bool:
        """Whether it is of a model of Keras 2 in memory, which is read and neither run nor changed."""
        return self.format is Format.LIVE and self.front_end is FrontEnd.STATIC


@dataclass(eq=False, slots=True)
class Member:
    """One of several models that are looked at together, and what users call it."""

    name: str
    definition: ModelDefinition


def identity(one: LayerDefinition | VariableDefinition) -> int:
    """What two definitions have in common if and only if they are of one layer, or of one variable.

    In memory that is the object, whichever models hold it. A file holds no objects: there, definitions of different
    files are never of one variable, however equal the numbers.
    """
    return id(one) if one.obj is None else id(one.obj)


def is_leaf(value: Any) -> bool:
    """Whether a node of an argument structure is a leaf: a TensorRef, Constant or plain value."""
    kind = type(value)
    if kind is list or kind is dict or kind is tuple:
        return False
    return (isinstance(value, tuple) and hasattr(value, "_fields")) or not isinstance(value, (list, tuple, dict))


def leaves(structure: Any, path: str = "") -> list[tuple[str, Any]]:
    """``(path, leaf)`` of an argument structure in Keras's order: sequences in order, dicts by sorted key.

    >>> leaves({"b": 1, "a": [2, 3]})
    [('a/0', 2), ('a/1', 3), ('b', 1)]
    """
    found: list[tuple[str, Any]] = []
    stack = [(path, structure)]
    while stack:
        where, value = stack.pop()
        kind = value.__class__
        if kind in _PLAIN or (kind is not tuple and kind is not list and is_leaf(value)):
            found.append((where, value))
            continue
        prefix = f"{where}/" if where else ""
        if isinstance(value, dict):
            items = sorted(value.items(), key=lambda item: str(item[0]))
        else:
            items = list(enumerate(value))
        stack += [(f"{prefix}{key}", inner) for key, inner in reversed(items)]
    return found


def flat(structure: Any) -> list[Any]:
    """The leaves of an argument structure in the same order, without their paths.

    >>> flat({"b": 1, "a": [2, 3]})
    [2, 3, 1]
    """
    if structure.__class__ is tuple and len(structure) == 1 and structure[0].__class__ in _PLAIN:
        return [structure[0]]
    found = []
    stack = [structure]
    while stack:
        value = stack.pop()
        kind = value.__class__
        if kind in _PLAIN:
            found.append(value)
        elif kind is tuple or kind is list:
            stack += value[::-1]
        elif is_leaf(value):
            found.append(value)
        elif isinstance(value, dict):
            stack += [value[key] for key in sorted(value, key=str)][::-1]
        else:
            stack += value[::-1]
    return found


_PLAIN = frozenset({TensorRef, TensorSpec, Constant, str, int, float, bool, type(None)})
"""Types of leaves that are common."""


def refs(structure: Any) -> list[TensorRef]:
    """The tensors of a body in an argument structure, in the same order."""
    if structure:
        return [leaf for leaf in flat(structure) if leaf.__class__ is TensorRef]
    return []


def map_leaves(structure: Any, function: Any) -> Any:
    """The same structure with ``function`` applied to every leaf."""
    kind = structure.__class__
    if kind is list:
        return [map_leaves(value, function) for value in structure]
    if kind is tuple:
        return tuple([map_leaves(value, function) for value in structure])
    if kind in _PLAIN or is_leaf(structure):
        return function(structure)
    if isinstance(structure, dict):
        return {key: map_leaves(value, function) for key, value in structure.items()}
    return type(structure)(map_leaves(value, function) for value in structure)
