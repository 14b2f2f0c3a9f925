"""X003."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.references import KERAS_ROOTS, Kind, Reference, references

_FUNCTIONS = {
    **dict.fromkeys(("get_file", "download"), "downloads files"),
    **dict.fromkeys(
        (
            "audio_dataset_from_directory",
            "image_dataset_from_directory",
            "text_dataset_from_directory",
            "load_data",
            "load_img",
            "read_file",
        ),
        "reads files",
    ),
    **dict.fromkeys(
        ("save_img", "save_model", "save_weights", "write_file", "model_to_dot", "plot_model"), "writes files"
    ),
    **dict.fromkeys(("extract_archive", "unpack_archive"), "unpacks archives"),
    **dict.fromkeys(("load_model", "load_weights", "model_from_json", "model_from_config"), "loads another model"),
    **dict.fromkeys(("func_load", "deserialize_keras_object", "py_function", "numpy_function"), "runs Python code"),
    **dict.fromkeys(("load_library", "load_op_library", "load_file_system_library"), "loads native code"),
    "enable_unsafe_deserialization": "switches the safe mode of Keras off",
    "register_keras_serializable": "changes what later files load",
    "clear_session": "resets Keras",
}
_UNMISTAKABLE = frozenset(
    {"get_file", "enable_unsafe_deserialization", "deserialize_keras_object", "func_load", "load_op_library"}
)
"""Names that nobody gives to a function of their own; the others count where a Keras module is named."""
_CLASSES = {
    "TorchModuleWrapper": "unpickles a torch module, which runs code",
    "TFSMLayer": "loads a SavedModel from a path, which runs its graph",
}
_FILES = frozenset(
    """
    download_url_to_file fromfile fromregex genfromtxt load load_state_dict_from_url loadtxt memmap open_memmap save
    savetxt savez savez_compressed
    """.split()
)
"""Functions of numpy, torch and JAX that read or write files, or unpickle what is in them."""
_UNSAFE_MODULES = (
    "tensorflow.io.gfile",
    "tensorflow.saved_model",
    "keras.config",
    "keras.src.config",
    "keras.saving",
    "keras.src.saving",
    "keras.datasets",
)


class Gadget(Rule):
    """The configuration names a function or layer that reads, writes, downloads or switches safety off.

    ## What it does
    Reports functions of Keras and TensorFlow that are no part of a model (`get_file`, `load_model`,
    `enable_unsafe_deserialization`, ...) where a configuration names them, and layers that load code or files of their
    own (TorchModuleWrapper, TFSMLayer).

    ## Why is this bad?
    Everything that a configuration names inside Keras passes the check for foreign modules, and is called with
    arguments that the file chooses. A saved TorchModuleWrapper is a pickle.

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
                config["config"]["layers"][1]["config"]["activation"] = {
                    "module": "keras.utils", "class_name": "function", "config": "get_file",
                    "registered_name": "get_file",
                }
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="relu")])
    ```

    ## Fix
    None: do not load the file, and ask whoever made it. Rebuild a TorchModuleWrapper or TFSMLayer from Keras layers,
    or ship it as a SavedModel beside the file.

    ## Not reported
    Custom classes and functions of the same name in a package of their own, or without one (`Lambda(load_img)`).

    ## References
    CVE-2025-8747, CVE-2025-9906, CVE-2025-49655, CVE-2026-1462
    """

    code = "X003"
    name = "gadget"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, list[tuple[Reference, str]]] = {}
        for reference in references(graph):
            effect = _effect(reference)
            if effect is not None:
                found.setdefault(reference.layer, []).append((reference, effect))
        for layer, gadgets in found.items():
            texts = dict.fromkeys(
                f"{one.last_name!r}{f' in {one.where}' if one.where else ''}, which {effect}" for one, effect in gadgets
            )
            yield Problem(
                f"names {'; '.join(texts)}",
                layer,
                "Do not load the file unless you trust its source; build the model from layers and operations only.",
                key=";".join(texts),
            )


def _effect(reference: Reference) -> str | None:
    """What a named function or layer does besides computing; None for all others."""
    if reference.kind is Kind.CODE:
        return None
    root, name = reference.root, reference.last_name
    registered = reference.registered_name or ""
    own = root in KERAS_ROOTS or root in (None, "builtins")
    if reference.kind is Kind.CLASS:
        names = {name, registered.rpartition(">")[2]} if own else {name} if root is None else set()
        for one in sorted(names):
            if one in _CLASSES:
                return _CLASSES[one]
    if own and reference.kind is Kind.FUNCTION:
        if name in _FUNCTIONS and (root in KERAS_ROOTS or name in _UNMISTAKABLE):
            return _FUNCTIONS[name]
        module = reference.module or ""
        if any(module == one or module.startswith(f"{one}.") for one in _UNSAFE_MODULES):
            return "is no part of a model"
    if root in ("numpy", "torch", "jax") and name in _FILES:
        return "reads or writes files"
    if name == "TFOpLambda" and isinstance(reference.config, dict):
        function = reference.config.get("function")
        if isinstance(function, str):
            called = function.rpartition(".")[2]
            if called in _FUNCTIONS and called != "clear_session":
                return f"calls {function}: it {_FUNCTIONS[called]}"
    return None
