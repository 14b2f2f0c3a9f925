"""What of the packages that Keras trusts can be part of a model, and what the rest of them does.

A name is part of a model if a table lists it, never because it is not known to be harmful.
"""

from __future__ import annotations

import re
from functools import cache

from graphlint.knowledge import namespace_tables as tables
from graphlint.knowledge.origin import KERAS_PACKAGES
from graphlint.knowledge.releases import class_names, is_known_class

TRUSTED_PACKAGES = KERAS_PACKAGES | {"tensorflow", "tensorflow_core", "numpy", "torch", "jax"}
"""Packages of which `is_part_of_model` knows every name that a model can be made of."""

UNSAFE_LAYERS = {
    "TorchModuleWrapper": "unpickles a torch module, which runs code",
    "TFSMLayer": "loads a SavedModel from a path, which runs its graph",
    "KerasLayer": "loads a SavedModel from a path or an address, which runs its graph",
    "ReloadedLayer": "loads a SavedModel from a path, which runs its graph",
}
"""Layers that load code of their own, and what each does."""

_VERSION = re.compile(r"V[12]$")
_TENSORFLOW_NAMESPACES = frozenset(
    """
    __operators__ audio autodiff bitwise compat debugging dtypes experimental image linalg math nn numpy quantization
    ragged random sets signal sparse strings v1 v2 raw_ops
    """.split()
)
_TENSORFLOW_IO = re.compile(r"(de|en)code_|(de)?serialize_|parse_|is_jpeg$|extract_jpeg_shape$")
_TENSORFLOW_CLASSES = re.compile(
    r"\w*(Spec|Column)|TensorShape|Dimension|DType|RaggedTensor|SparseTensor|\w*Optimizer|IndexedSlices|\w*Normalizer"
    r"|(Constant|Identity|Ones|Orthogonal|Random\w+|TruncatedNormal|UniformUnitScaling|VarianceScaling|Zeros|Glorot\w+"
    r"|He\w+|Lecun\w+)(V1|V2)?"
)
_TENSORFLOW_FRAMEWORK = frozenset(
    """
    constant_op dtypes extension_type indexed_slices ops sparse_tensor tensor tensor_shape tensor_spec type_spec
    """.split()
)
_NUMPY_FOREIGN = frozenset("compat ctypeslib distutils f2py npyio testing".split())
_TORCH_MODULES = frozenset({"", "functional", "nn.functional", "special", "linalg", "fft", "_C", "_C._nn", "_VF"})
_JAX_NAMESPACES = frozenset("image lax nn numpy random scipy initializers".split())
_EFFECTS = {
    "clear_session": "resets Keras",
    "enable_unsafe_deserialization": "switches the safe mode of Keras off",
    "register_keras_serializable": "changes what later files load",
    **dict.fromkeys(("download", "download_url_to_file", "get_file", "load_state_dict_from_url"), "downloads files"),
    **dict.fromkeys(
        ("load_model", "load_weights", "load_weights_from_hdf5_group", "model_from_config", "model_from_json"),
        "loads another model",
    ),
    **dict.fromkeys(("extract_archive", "unpack_archive"), "unpacks archives"),
    **dict.fromkeys(
        (
            "EagerPyFunc",
            "PyFunc",
            "PyFuncStateless",
            "deserialize",
            "deserialize_keras_object",
            "func_load",
            "numpy_function",
            "py_func",
            "py_function",
            "runstring",
            "run_cell",
        ),
        "runs Python code",
    ),
    **dict.fromkeys(
        ("load_file_system_library", "load_library", "load_op_library", "compile_extension"), "loads native code"
    ),
}
_WORDS = (
    (frozenset({"exec", "eval", "run", "system", "popen", "subprocess", "shell", "import", "spawn"}), "runs code"),
    (frozenset({"download", "fetch", "url", "urlopen", "request", "http"}), "downloads files"),
    (frozenset({"write", "save", "savez", "savetxt", "dump", "remove", "rmtree", "rename", "delete"}), "writes files"),
    (frozenset({"file", "load", "loadtxt", "fromfile", "open", "read", "memmap", "unpickle"}), "reads files"),
    (frozenset({"untar", "unzip"}), "unpacks archives"),
    (frozenset({"print", "logging", "summary"}), "writes to the log"),
)
_UNPACKING, _ARCHIVES = frozenset({"extract", "unpack"}), frozenset({"archive", "archives", "tar", "zip", "all"})
_PARTS = frozenset(
    """
    accuracy activation attention block cell constraint divergence embedding encoding entropy error gate head heads
    initializer layer loss losses metric norm normalization pool pooling regularizer score similarity
    """.split()
)
"""What a name ends in that says what a part of a model is, whatever else it says: ``load_balancing_loss``."""
_SPLIT = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_NO_PART = "is not a layer, operation, activation, loss, metric or initializer of any release"

_OPERATION_EFFECTS = (
    (re.compile(r"(Eager)?PyFunc(Stateless)?$"), "runs Python code"),
    (
        re.compile(
            r"(ReadFile|MatchingFiles|ImmutableConst|FixedUnigramCandidateSampler|Skipgram|RecordInput|Restore\w*"
            r"|Generate\w+Remapping|LoadAndRemapMatrix|InitializeTableFromTextFile\w*|DTensorRestore\w*|\w*Reader(V2)?"
            r"|Reader\w+|FileSystemSetConfiguration)$"
        ),
        "reads files",
    ),
    (
        re.compile(
            r"(WriteFile|DumpTensor|Save\w*|MergeV2Checkpoints|DistributedSave\w*|CreateSummary\w+|Write\w+"
            r"|FlushSummaryWriter|SummaryWriter|ImportEvent)$"
        ),
        "writes files",
    ),
    (re.compile(r"Debug(Identity|NanCount|NumericSummary)(V2|V3)?$"), "writes tensors to an address or a file"),
    (re.compile(r"Print(V2)?$"), "prints, or writes a file"),
    (
        re.compile(r"(Rpc\w+|_?Send|_?Recv|RemoteCall|Collective\w+|WorkerHeartbeat|DataService\w+)$"),
        "opens connections",
    ),
    (re.compile(r"Abort$"), "ends the process"),
    (re.compile(r"(XlaCustomCall(V2)?|TfLiteSubgraphExecute|TRTEngineOp)$"), "runs native code"),
    (re.compile(r"\w*(Dataset|Iterator)\w*$"), "reads data through a dataset"),
)
_CHECKPOINTS = frozenset({"SaveV2", "RestoreV2", "Save", "Restore", "SaveSlices", "RestoreSlice", "MergeV2Checkpoints"})


def is_part_of_model(path: str) -> bool:
    """Whether a dotted name inside one of the trusted packages can be part of a model.

    >>> is_part_of_model("keras.layers.Dense"), is_part_of_model("keras.utils.get_file")
    (True, False)
    >>> is_part_of_model("tensorflow.math.add"), is_part_of_model("tensorflow.io.write_file")
    (True, False)
    """
    root, _, rest = path.partition(".")
    if root == "tensorflow_core":
        root = "tensorflow"
    *inner, name = rest.split(".")
    if root == "tensorflow" and "keras" in inner:
        root, inner = "keras", inner[inner.index("keras") + 1 :]
    if root in KERAS_PACKAGES:
        return _is_keras(name)
    if root == "tensorflow":
        return _is_tensorflow(inner, name)
    if root == "numpy":
        return name in tables.NUMPY_NAMES and not _NUMPY_FOREIGN.intersection(inner)
    if root == "torch":
        return name in tables.TORCH_NAMES and ".".join(inner) in _TORCH_MODULES
    if root == "jax":
        inner = inner[1:] if inner[:1] == ["_src"] else inner
        return name in tables.JAX_NAMES and (not inner or inner[0] in _JAX_NAMESPACES)
    return False


def _is_keras(name: str) -> bool:
    if name in UNSAFE_LAYERS:
        return False
    plain = _VERSION.sub("", name)
    return (
        name in tables.KERAS_FUNCTIONS
        or is_known_class(name, ("functions",))
        or any(is_known_class(one) or one in tables.KERAS_CLASSES or one in _operations() for one in (name, plain))
    )


@cache
def _operations() -> frozenset[str]:
    """Operations of Keras without their modules."""
    return frozenset(name.rpartition(".")[2] for name in class_names(("operations",)))


def _is_tensorflow(inner: list[str], name: str) -> bool:
    if inner[:1] == ["python"]:
        package, module = (inner[1:2] or [""])[0], inner[2:]
        if package == "framework" and module and module[0] not in _TENSORFLOW_FRAMEWORK:
            return False
        if package not in ("framework", "ops", "feature_column", "training"):
            return False
        inner = []
    if inner and inner[-1] == "__operators__":
        return True
    if inner[-1:] == ["raw_ops"]:
        return name in tables.TENSORFLOW_OPERATIONS
    if inner == ["io"]:
        return _TENSORFLOW_IO.match(name) is not None
    if inner[:1] == ["feature_column"]:
        return not effect_of_words(name)
    if not _TENSORFLOW_NAMESPACES.issuperset(inner):
        return False
    operation = "".join(part[:1].upper() + part[1:] for part in name.split("_"))  # floor_div makes a FloorDiv.
    return name in tables.TENSORFLOW_FUNCTIONS or (
        bool(tables.TENSORFLOW_OPERATIONS & {name, operation})
        or _TENSORFLOW_CLASSES.fullmatch(name) is not None
        or _is_keras(name)
    )


def is_graph_operation(name: str) -> bool:
    """Whether a registered operation of TensorFlow computes and does nothing else.

    >>> is_graph_operation("MatMul"), is_graph_operation("WriteFile")
    (True, False)
    """
    return name in tables.TENSORFLOW_OPERATIONS


def operation_effect(name: str) -> str | None:
    """What a registered operation of TensorFlow does besides computing; None for one that is not known to do anything.

    >>> operation_effect("WriteFile"), operation_effect("MatMul")
    ('writes files', None)
    """
    if is_graph_operation(name):
        return None
    return next((effect for pattern, effect in _OPERATION_EFFECTS if pattern.match(name)), None)


def is_known_operation(name: str) -> bool:
    """Whether TensorFlow itself registers an operation of this name, or what it does is known otherwise.

    >>> is_known_operation("QueueSizeV2"), is_known_operation("Vendor>Operation")
    (True, False)
    """
    known = is_graph_operation(name) or name in tables.TENSORFLOW_OTHER_OPERATIONS
    return known or operation_effect(name) is not None


def is_checkpoint_operation(name: str) -> bool:
    """Whether an operation saves or restores variables, as every SavedModel holds it for its own checkpoint."""
    return name in _CHECKPOINTS


def effect_of(name: str) -> str:
    """What something that is not part of any model does, judging by its name.

    >>> effect_of("get_file"), effect_of("SidecarEvaluator")
    ('downloads files', 'is not a layer, operation, activation, loss, metric or initializer of any release')
    """
    return UNSAFE_LAYERS.get(name) or _EFFECTS.get(name) or effect_of_words(name) or _NO_PART


def effect_of_words(name: str) -> str | None:
    """What the words in a name tell that it does besides computing; None if they tell nothing.

    >>> effect_of_words("image_dataset_from_directory"), effect_of_words("save_img")
    (None, 'writes files')
    >>> effect_of_words("extract_patches"), effect_of_words("load_balancing_loss"), effect_of_words("load_all_weights")
    (None, None, 'reads files')
    """
    found = [word.lower() for word in _SPLIT.findall(name)]
    if not found or found[-1] in _PARTS:
        return None
    words = set(found)
    if words & _UNPACKING and words & _ARCHIVES:
        return "unpacks archives"
    return next((effect for meant, effect in _WORDS if words & meant), None)
