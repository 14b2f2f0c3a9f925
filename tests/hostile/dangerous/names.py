"""Classes and functions that no model is made of, under every kind of entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dangerous.case import (
    ALL,
    BEFORE_3_9,
    KERAS_2,
    KERAS_3_BEFORE_3_9,
    Case,
    called,
    called_in_keras_2,
    function,
    in_containers,
    instance,
    with_layer,
)
from tests.hostile.files import dense, functional, input_layer, model, tensor

_FOREIGN = "CVE-2025-1550"
_KERAS = "CVE-2025-8747"
_ENDINGS = (".keras",)
_KERAS_PACKAGES = frozenset({"keras", "tf_keras", "keras_core"})


def cases() -> Iterator[Case]:
    """Foreign names, names inside trusted packages, and names behind masks."""
    for path, (argument, arguments) in _CALLED.items():
        module, _, name = path.rpartition(".")
        danger = _KERAS if _KERAS_PACKAGES & {*module.split(".")} else _FOREIGN
        for kind, entry in (("function", function(module, name)), ("class", instance(module, name))):
            yield from in_containers(
                f"{path} as a {kind}",
                lambda canary, entry=entry, argument=argument, arguments=arguments: called(
                    entry, _filled(argument, canary), **_filled(arguments, canary)
                ),
                "X002 X003",
                BEFORE_3_9,
                danger,
                _ENDINGS,
                payload=True,
            )
            yield from in_containers(
                f"{path} as a {kind} in Keras 2",
                lambda canary, entry=entry, argument=argument, arguments=arguments: called_in_keras_2(
                    entry, _filled(argument, canary), **_filled(arguments, canary)
                ),
                "X002 X003",
                KERAS_2,
                danger,
                (".keras",),
                payload=True,
            )
    for path in _NAMED:
        module, _, name = path.rpartition(".")
        yield from in_containers(
            f"{path} as an activation",
            lambda canary, module=module, name=name: _with(function(module, name)),
            "X002 X003",
            ALL if module.startswith("keras") else BEFORE_3_9,
            _KERAS if _KERAS_PACKAGES & {*module.split(".")} else None if module.startswith("keras_") else _FOREIGN,
            _ENDINGS,
        )
        yield from in_containers(
            f"{path} behind a registered name",
            lambda canary, module=module, name=name: _with(instance(module, "Absent", registered=name)),
            "X002 X003",
            KERAS_3_BEFORE_3_9,
            None,
            _ENDINGS,
        )
    for name, entry in _MASKS.items():
        yield from in_containers(f"a name {name}", lambda canary, entry=entry: _with(entry), "X002 X003", BEFORE_3_9)
    for name, build in _PLACES.items():
        yield from in_containers(f"os.system as {name}", lambda canary, build=build: build(), "X002 X003", BEFORE_3_9)


def _filled(value: Any, canary: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, canary) for key, inner in value.items()}
    return value.replace("@", canary) if isinstance(value, str) else value


def _with(entry: Any) -> Any:
    return functional([input_layer(), dense("d", tensor("in"), activation=entry)])


_CREATE = "open('@', 'w').close()"
_CALLED: dict[str, tuple[Any, dict[str, Any]]] = {
    "os.system": (": > @", {}),
    "posix.system": (": > @", {}),
    "os.popen": (": > @", {}),
    "os.makedirs": ("@", {}),
    "os.mkdir": ("@", {}),
    "subprocess.getoutput": (": > @", {}),
    "subprocess.call": (": > @", {"shell": True}),
    "subprocess.check_output": (": > @", {"shell": True}),
    "builtins.exec": (_CREATE, {}),
    "builtins.eval": (_CREATE, {}),
    "builtins.open": ("@", {"mode": "w"}),
    "timeit.timeit": (_CREATE, {"number": 1}),
    "cProfile.run": (_CREATE, {}),
    "profile.run": (_CREATE, {}),
    "pdb.run": (_CREATE, {}),
    "shelve.open": ("@", {}),
    "tempfile.mkdtemp": ("", {"prefix": "@"}),
    "codecs.open": ("@", {"mode": "w"}),
    "io.open": ("@", {"mode": "w"}),
    "sqlite3.connect": ("@", {}),
    "numpy.savetxt": ("@", {"X": [1.0]}),
    "numpy.testing._private.utils.runstring": (_CREATE, {"dict": {}}),
    "tensorflow.io.write_file": ("@", {"contents": "x"}),
    "tensorflow.io.gfile.makedirs": ("@", {}),
    "tensorflow.python.lib.io.file_io.write_string_to_file": ("@", {"file_content": "x"}),
    "tensorflow.python.ops.gen_io_ops.write_file": ("@", {"contents": "x"}),
    "keras.utils.save_img": ("@.png", {"x": [[[1.0]]]}),
}
_NAMED = """
    ctypes.CDLL pickle.loads marshal.loads importlib.import_module runpy.run_path shutil.rmtree shutil.copyfile
    urllib.request.urlopen socket.create_connection webbrowser.open pty.spawn code.interact site.addsitedir
    pip.main joblib.load cloudpickle.loads requests.get IPython.start_ipython dill.loads zipfile.main
    keras.utils.get_file keras.models.load_model keras.saving.load_model keras.config.enable_unsafe_deserialization
    keras.models.model_from_json keras.layers.deserialize keras.saving.deserialize_keras_object
    keras.src.saving.saving_lib.load_weights_only keras.utils.sidecar_evaluator.SidecarEvaluator
    keras.callbacks.LambdaCallback keras.callbacks.TensorBoard keras.export.ExportArchive keras.applications.ResNet50
    keras.datasets.mnist.load_data keras.utils.load_img keras.utils.plot_model keras.backend.clear_session
    keras.src.utils.file_utils.extract_archive keras.src.utils.python_utils.func_load keras.saving.KerasFileEditor
    keras.wrappers.SKLearnClassifier keras.activations.deserialize keras.losses.get keras.src.utils.io_utils.print_msg
    keras.utils.set_random_seed tf_keras.utils.get_file tensorflow.keras.utils.get_file keras_core.utils.get_file
    tensorflow.python.keras.utils.data_utils.get_file tensorflow.io.read_file tensorflow.io.gfile.rmtree
    tensorflow.io.gfile.copy tensorflow.py_function tensorflow.numpy_function tensorflow.load_op_library
    tensorflow.saved_model.load tensorflow.data.TextLineDataset tensorflow.summary.create_file_writer
    tensorflow.train.load_checkpoint tensorflow.print tensorflow.import_graph_def tensorflow.config.set_visible_devices
    tensorflow.python.ops.script_ops.eager_py_func tensorflow.python.eager.context.set_log_device_placement
    numpy.load numpy.save numpy.fromfile numpy.memmap numpy.ctypeslib.load_library numpy.f2py.compile numpy.loadtxt
    numpy.distutils.exec_command.exec_command numpy.frompyfunc torch.load torch.hub.load torch.jit.load torch.save
    torch.utils.cpp_extension.load torch.jit.trace torch.package.PackageImporter jax.numpy.load
    jax.profiler.start_trace jax.experimental.io_callback jax.export.deserialize keras_cv.src.utils.fetch_file
    keras_hub.src.utils.preset_utils.load_json tensorflow_hub.load transformers.pipelines.read_file
    tensorflow_addons.register.run_all
""".split()
_MASKS = {
    "of a function as a class": instance("keras.utils", "get_file"),
    "behind the name of a layer": instance("keras.utils", "Dense", registered="get_file"),
    "with a dot in it": function("keras", "utils.get_file"),
    "with a dot in a class": instance("keras", "models.load_model"),
    "of a builtin that Keras looks up": function("builtins", "deserialize"),
    "of a builtin as a class": instance("builtins", "exec"),
    "in a module that does not exist": instance("keras.src.layers.evil", "Evil"),
    "through the os module of a Keras module": function("keras.src.utils.file_utils", "os"),
    "through the os module of TensorFlow": function("tensorflow.python.util.compat", "os"),
    "after a space": function(" os", "system"),
    "before a line break": function("os\n", "system"),
    "in full width": function("\uff4fs", "system"),
    "with a Cyrillic letter": instance("k\u0435ras.initializers", "Zeros"),
    "that begins as Keras": function("kerasx", "relu"),
    "in the class alone": instance(None, "os.system"),
    "of a function of another package as a class": instance("some_package.tools", "run_command"),
    "of a type": {"class_name": "__typespec__", "module": "os", "spec_name": "system", "config": []},
    "with a registered name for a built-in": instance("os", "Dense", registered="system"),
}
_SYSTEM = function("os", "system")
_PLACES = {
    "an initializer": lambda: functional([input_layer(), dense("d", tensor("in"), kernel_initializer=_SYSTEM)]),
    "a loss": lambda: model() | {"compile_config": {"optimizer": "adam", "loss": _SYSTEM}},
    "a metric": lambda: model() | {"compile_config": {"optimizer": "adam", "metrics": [_SYSTEM]}},
    "the optimizer": lambda: model() | {"compile_config": {"optimizer": instance("os", "system")}},
    "the class of the model": lambda: model() | {"module": "os", "class_name": "system"},
    "the dtype": lambda: functional([input_layer(), dense("d", tensor("in"), dtype=instance("os", "system"))]),
    "a layer of a custom layer": lambda: with_layer(
        "Mine", {"inner": {"deep": [_SYSTEM]}}, module="mine", registered_name="mine>Mine"
    ),
    "the function of a Lambda of Keras 2": lambda: with_layer(
        "Lambda", {"function": "system", "function_type": "function", "module": "os"}, module=None
    ),
    "the output shape of a Lambda of Keras 2": lambda: with_layer(
        "Lambda",
        {"function": "relu", "function_type": "function", "module": "__main__",
         "output_shape": "system", "output_shape_type": "function", "output_shape_module": "os"},
        module=None,
    ),
}  # fmt: skip
