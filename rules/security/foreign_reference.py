"""X002."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.modules import is_keras_module
from graphlint.knowledge.releases import is_known_class
from graphlint.model.graph import ModelGraph
from graphlint.questions.references import CODE_RUNNERS, Kind, Reference, references

_MODELLING = frozenset(
    """
    keras tf_keras keras_core keras_hub keras_cv keras_nlp keras_tuner keras_contrib keras_applications keras_rs
    keras_remote autokeras kerastuner tensorflow tensorflow_addons tensorflow_probability tensorflow_hub
    tensorflow_text tensorflow_model_optimization tensorflow_recommenders tensorflow_graphics tensorflow_lattice
    tensorflow_decision_forests tensorflow_similarity tensorflow_ranking tensorflow_federated tf_agents tfkan tfimm
    jax flax torch numpy ml_dtypes transformers qkeras larq larq_zoo hgq spektral kapre segmentation_models
    efficientnet classification_models vit_keras tcn keras_tcn keras_transformer keras_bert keras_pos_embd
    keras_layer_normalization keras_multi_head keras_self_attention keras_unet_collection official
    """.split()
)
"""Packages whose classes and functions a model may be made of, by their exact top-level name."""

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
"""Well-known packages that hold no layers, losses or metrics."""

_UNMISTAKABLE = frozenset({"__import__", "breakpoint", "eval", "exec"})
"""Names that nobody gives to a function of their own, where no module says whose it is."""
_SYSTEM_MODULES = frozenset(
    "builtins ctypes importlib marshal os pickle pty runpy shutil socket subprocess sys tempfile".split()
)
_COMPILERS = frozenset("numpy.ctypeslib numpy.distutils numpy.f2py torch.hub torch.utils.cpp_extension".split())
_OWN = (None, "builtins", "__main__", "")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class ForeignReference(Rule):
    """The configuration names something that no model needs.

    ## What it does
    Looks at every class and function that the configuration names, and reports those of Python's standard library, of
    well-known packages that hold no layers, built-in functions such as `eval`, modules that only pretend to be Keras's,
    and every function of a package that is not a modelling one. Nothing is imported.

    ## Why is this bad?
    Releases of Keras before 3.9 import the module that a configuration names and call what they find there: a model
    file that names `os.system` is a program. No model that Keras saved names such a thing.

    ## Example
    ```python
    import json
    import zipfile

    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).save(tmp_path / "good.keras")
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["config"]["kernel_initializer"] = {
                    "module": "os", "class_name": "function", "config": "system", "registered_name": "system",
                }
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    ```

    ## Fix
    None: do not load the file, and ask whoever made it. Where the function is your own, register it with
    `@keras.saving.register_keras_serializable(package="...")`, and Keras writes no module.

    ## Not reported
    Custom layer, model, loss, metric and optimizer classes of packages that are not in the standard library: they are
    ordinary (K002 and K010 say whether they load). Keras, TensorFlow, JAX, torch, numpy and packages of layers, by the
    exact name of the top-level package.

    ## References
    CVE-2025-1550
    """

    code = "X002"
    name = "foreign-reference"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[tuple[str, str], list[Reference]] = {}
        for reference in references(graph):
            reason = _foreign(reference)
            if reason is not None:
                found.setdefault((f"{reference.module or 'builtins'}.{reference.name}", reason), []).append(reference)
        for (named, reason), (first, *others) in found.items():
            place = f" in {first.where}" if first.where else ""
            yield Problem(
                f"names {named!r}{place}, {reason}: no model needs it, and loading the file may import and call it",
                first.layer,
                "Do not load the file unless you trust its source; write your own functions as registered ones.",
                tuple(dict.fromkeys(one.layer for one in others if one.layer != first.layer)),
                key=f"{named}:{first.where}",
            )


def _foreign(reference: Reference) -> str | None:
    """Why a reference is foreign; None where it is ordinary."""
    if reference.kind is Kind.CODE:
        return None
    root = reference.root
    function = reference.kind is Kind.FUNCTION
    module = reference.module
    if module and not (module.isascii() and _MODULE.fullmatch(module)):
        return "which is no name of a module, or one in letters that only look like it"
    if root in _OWN:
        runs_code = CODE_RUNNERS if module == "builtins" else _UNMISTAKABLE if function else ()
        return "a function of the Python language" if reference.last_name in runs_code else None
    if root == "test" and reference.is_layer and not str(reference.module).startswith(("test.support", "test.lib")):
        return None  # a layer of somebody's own test.py
    if root in sys.stdlib_module_names:
        return "a part of Python's standard library"
    if root in _TOOLS:
        return f"a part of {root}, which holds no layers"
    if root == "keras" and module is not None and not is_keras_module(module):
        known = not function and is_known_class(reference.last_name)
        return None if known else "which Keras does not have: a module in its name that is not its own"
    if function and root in _MODELLING and reference.last_name in _SYSTEM_MODULES:
        return "a module of Python's standard library that is reached through another"
    if module in _COMPILERS or (module is not None and module.startswith(tuple(f"{one}." for one in _COMPILERS))):
        return "which compiles or loads native code"
    if root in _MODELLING:
        return None
    if function:
        return f"a function of {root}, which is not a known modelling package"
    return None
