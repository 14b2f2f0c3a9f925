"""What of all that a configuration names is dangerous to load, and for whom.

Each name is judged by what a release can resolve it to, whatever kind of entry it stands in: releases before 3.9 return
a function for an entry that says class, and look for the registered name where the module has no such name.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass

from graphlint.knowledge.advisories import Danger, endangers
from graphlint.knowledge.modules import is_keras_module
from graphlint.knowledge.namespaces import (
    TRUSTED_PACKAGES,
    UNSAFE_LAYERS,
    effect_of,
    effect_of_words,
    is_graph_operation,
    is_part_of_model,
    operation_effect,
)
from graphlint.knowledge.origin import KERAS_PACKAGES
from graphlint.knowledge.releases import is_known_class
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph
from graphlint.questions.references import CODE_RUNNERS, Kind, Reference, everything_named, last_name

_MODELLING = frozenset(
    """
    keras tf_keras keras_core keras_hub keras_cv keras_nlp keras_tuner keras_contrib keras_applications keras_rs
    keras_remote autokeras kerastuner tensorflow tensorflow_core tensorflow_addons tensorflow_probability
    tensorflow_hub tensorflow_text tensorflow_model_optimization tensorflow_recommenders tensorflow_graphics
    tensorflow_lattice tensorflow_decision_forests tensorflow_similarity tensorflow_ranking tensorflow_federated
    tf_agents tfkan tfimm jax flax torch numpy ml_dtypes transformers qkeras larq larq_zoo hgq spektral kapre
    segmentation_models efficientnet classification_models vit_keras tcn keras_tcn keras_transformer keras_bert
    keras_pos_embd keras_layer_normalization keras_multi_head keras_self_attention keras_unet_collection official
    keras_cv_attention_models keras_efficientnet_v2 keras_ocr keras_retinanet keras_rl rl bert4keras stellargraph kgcnn
    tensorflow_gnn neural_structured_learning tf2crf deepctr deepmatch deepchem ncps attention phased_lstm_keras sionna
    basic_pitch deepface mrcnn keras_embed_sim keras_position_wise_feed_forward keras_swa keras_radam keras_adabound
    """.split()
)
"""Packages whose classes and functions a model may contain, by their exact top-level name."""

_TOOLS = frozenset(
    """
    IPython PIL aiohttp asyncssh boto3 botocore celery cffi click cloudpickle cryptography cv2 cython dask datasets
    dill distutils django docker fabric fastapi flask fsspec gcsfs gdown git h5py httpx huggingface_hub imageio invoke
    ipykernel jinja2 joblib jsonpickle kaggle kubernetes mako matplotlib mlflow nose numba pandas paramiko pexpect
    pickle5 pip pkg_resources plotly plumbum psutil psycopg2 py pycurl pymongo pymysql pytest redis requests rich s3fs
    scipy selenium setuptools sh sklearn sqlalchemy torchvision tornado tqdm twisted urllib3 uvicorn wandb werkzeug
    wheel yaml zmq
    """.split()
)
"""Well-known packages without layers, losses or metrics."""

_UNMISTAKABLE = frozenset({"__import__", "breakpoint", "eval", "exec"})
"""Names that no custom function has, for references without a module."""
_UNMISTAKABLE_GADGETS = frozenset(
    "deserialize deserialize_keras_object enable_unsafe_deserialization func_load get_file load_op_library".split()
)
"""The same of functions of Keras and TensorFlow, which an entry that names ``builtins`` is looked up in."""
_SYSTEM_MODULES = frozenset(
    "builtins ctypes importlib marshal os pickle pty runpy shutil socket subprocess sys tempfile".split()
)
_COMPILERS = frozenset("numpy.ctypeslib numpy.distutils numpy.f2py torch.hub torch.utils.cpp_extension".split())
_OWN = (None, "builtins", "__main__", "")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_OTHER_MODULES = re.compile(
    r"keras\.(src\.)?(backend|callbacks|datasets|distribute|dtensor|estimator|testing|tests|tree)\b"
)
"""Modules of Keras that hold no classes of models, which is why `is_keras_module` leaves them out."""
_FUNCTION_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_LAYER_DANGERS = {"TorchModuleWrapper": Danger.TORCH_PICKLE, "KerasLayer": Danger.HUB_LAYER}


@dataclass(frozen=True, slots=True)
class Dangerous:
    """One dangerous thing that a configuration names: ``name`` as the file writes it, and what it does in words."""

    reference: Reference
    danger: Danger
    name: str
    _: KW_ONLY
    effect: str

    @property
    def endangers(self) -> str:
        """Whom it concerns, with the advisories."""
        return endangers(self.danger)


_known: weakref.WeakKeyDictionary[ModelGraph, list[Dangerous]] = weakref.WeakKeyDictionary()


def dangers(graph: ModelGraph) -> list[Dangerous]:
    """All that is dangerous in what the configurations of a file name, in their order."""
    found = _known.get(graph)
    if found is None:
        every = _judged(graph, everything_named(graph))
        places = {(one.name, one.effect, one.reference.layer, one.reference.where): one for one in every}
        found = _known[graph] = list(places.values())
    return found


def _judged(graph: ModelGraph, named: Iterable[Reference]) -> Iterator[Dangerous]:
    """Each name is judged once if it is harmless: a model has thousands of layers, of few classes."""
    stored = graph.definition.asset_names
    assets = frozenset(stored) | {name.rpartition("/")[2] for name in stored}
    harmless: set[tuple[object, ...]] = set()
    for reference in named:
        subject = (reference.kind, reference.name, reference.module, reference.registered_name, reference.is_layer)
        if subject not in harmless:
            found = list(_judge(graph, reference, assets))
            yield from found
            if not found:
                harmless.add(subject)


def _judge(graph: ModelGraph, reference: Reference, assets: frozenset[str]) -> Iterator[Dangerous]:
    if reference.kind is Kind.CODE:
        h5 = graph.definition.format == Format.H5
        yield Dangerous(
            reference, Danger.LAMBDA_H5 if h5 else Danger.LAMBDA, reference.name, effect="is serialized code"
        )
    elif reference.kind is Kind.PATH:
        if not graph.live:  # A layer in memory has read its file already.
            yield from _path(reference, assets)
    elif reference.kind is Kind.PICKLE:
        yield Dangerous(reference, Danger.BARE_PICKLE, reference.name, effect="is a Python pickle in base64")
    elif reference.kind is Kind.NAME:
        effect = "is the name of a layer and leads out of the folder that it is saved in"
        yield Dangerous(reference, Danger.PATH_NAME, reference.name, effect=effect)
    elif reference.kind is Kind.OPERATION:
        if not is_graph_operation(reference.name):
            effect = operation_effect(reference.name) or "is not an operation on numbers, arrays, images or strings"
            yield Dangerous(reference, Danger.OPERATION, reference.name, effect=effect)
    elif reference.kind is Kind.SYMBOL:
        if not is_part_of_model(f"tensorflow.{reference.name}"):
            effect = effect_of(last_name(reference.name))
            yield Dangerous(reference, Danger.OPERATION, reference.name, effect=effect)
    else:
        reason = _foreign(reference)
        if reason is not None:
            name = f"{reference.module or 'builtins'}.{reference.name}"
            yield Dangerous(reference, Danger.FOREIGN_NAME, name, effect=reason)
        else:
            yield from _unsafe(reference)


def _path(reference: Reference, assets: frozenset[str]) -> Iterator[Dangerous]:
    if reference.name not in assets:
        what = "an address" if "://" in reference.name else "a file"
        yield Dangerous(reference, Danger.FILE_PATH, reference.name, effect=f"is {what} that the model reads")


def _foreign(reference: Reference) -> str | None:
    """Why a reference names what no model needs; None if it does not."""
    root = reference.root
    function = reference.kind is not Kind.CLASS
    module = reference.module
    if module and not (module.isascii() and _MODULE.fullmatch(module)):
        return "which is not a module name, or imitates one with similar letters"
    if root in _OWN:
        runs_code = CODE_RUNNERS if module == "builtins" else _UNMISTAKABLE
        return "a function of the Python language" if runs_code.intersection(map(last_name, reference.names)) else None
    if root in sys.stdlib_module_names:
        return "a part of Python's standard library"
    if root in _TOOLS:
        return f"a part of {root}, which has no layers"
    if root == "keras" and module is not None and not _is_of_keras(module):
        known = not function and is_known_class(reference.last_name)
        return None if known else "which Keras does not have: a module in its name that is not its own"
    if root in _MODELLING and _SYSTEM_MODULES.intersection(map(last_name, reference.names)):
        return "a module of Python's standard library, reached through another module"
    if module in _COMPILERS or (module is not None and module.startswith(tuple(f"{one}." for one in _COMPILERS))):
        return "which compiles or loads native code"
    if root in _MODELLING or reference.kind is Kind.NAMED_FUNCTION:
        return None
    if function or _may_be_function(reference):
        return f"a function of {root}, which is not a known modelling package"
    return None


def _is_of_keras(module: str) -> bool:
    return is_keras_module(module) or _OTHER_MODULES.match(module) is not None


def _may_be_function(reference: Reference) -> bool:
    """Whether an entry that says class names a function, which releases before 3.9 return as it is."""
    named = _FUNCTION_NAME.fullmatch(reference.name) is not None
    return named and not reference.is_layer and ">" not in (reference.registered_name or "")


def _unsafe(reference: Reference) -> Iterator[Dangerous]:
    """The names of a reference that are not part of any model, in packages for which that is known."""
    root = reference.root
    package, _, registered = (reference.registered_name or "").rpartition(">")
    if package and registered in UNSAFE_LAYERS and (root in _OWN or root in _MODELLING):
        yield _dangerous(reference, registered, registered, registered)
    for name in reference.names:
        last = last_name(name)
        if root in (None, "", "builtins", "__main__"):
            if reference.kind is Kind.CLASS and root in (None, "") and last in UNSAFE_LAYERS:
                yield _dangerous(reference, name, last, name)
            elif reference.kind is Kind.FUNCTION and last in _UNMISTAKABLE_GADGETS:
                yield Dangerous(reference, Danger.KERAS_NAME, name, effect=effect_of(last))
        elif root in TRUSTED_PACKAGES:
            path = f"{reference.module}.{name.rpartition('>')[2]}" if reference.module else name
            if not is_part_of_model(path):
                yield _dangerous(reference, name, last, path)
        elif root in _MODELLING:
            function = reference.kind is not Kind.CLASS or _FUNCTION_NAME.fullmatch(last) is not None
            effect = UNSAFE_LAYERS.get(last) or (effect_of_words(last) if function else None)
            if effect is not None:
                danger = Danger.HUB_LAYER if last in UNSAFE_LAYERS else Danger.TRUSTED_NAME
                yield Dangerous(reference, danger, name, effect=effect)


def _dangerous(reference: Reference, name: str, last: str, path: str) -> Dangerous:
    if last in UNSAFE_LAYERS:
        danger = _LAYER_DANGERS.get(last, Danger.SAVED_MODEL_LAYER)
    else:
        danger = Danger.KERAS_NAME if KERAS_PACKAGES.intersection(path.split(".")) else Danger.TRUSTED_NAME
    return Dangerous(reference, danger, name, effect=effect_of(last))
