"""Nothing that a file names is opened, imported, unmarshalled, executed or spawned."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import pytest

from graphlint.cli import COMMANDS
from tests.hostile.files import (
    dense,
    functional,
    h5_model,
    input_layer,
    keras_archive,
    layer,
    model,
    tensor,
    weights,
    write,
)
from tests.hostile.watch import WAYS, WITHOUT_MODELS
from tests.sources.archives import Entry

ROOT = Path(__file__).parents[2]
MODULE = "graphlint_canary_module"
LOADING = ("fix", "split", "extract")
RUNNING = ("marshal.loads", "pickle", "subprocess", "os.system", "os.exec", "os.posix_spawn", "socket", "urllib")
SLOW = (*LOADING, "check -j")
"""Ways that take long, and are tried on every fifth file."""
ORDINARY = ("custom_layer", "custom_initializer")
"""A class of a module that nobody knows is what many honest models have."""


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def bombs(folder: Path) -> list[Path]:
    """Files that do something when Keras, h5py or a careless scanner reads them."""
    effect, canary = folder / "effect", folder / "canary"
    canary.write_bytes(bytes(64))
    (folder / f"{MODULE}.py").write_text(f"open({str(effect)!r}, 'w')")
    code = marshal.dumps(compile(f"open({str(effect)!r}, 'w')", "lambda", "exec"))
    encoded = base64.b64encode(code).decode()
    new_lambda = {"class_name": "__lambda__", "config": {"code": encoded, "defaults": None, "closure": None}}
    old_lambda = {"function": [encoded, None, None], "function_type": "lambda", "module": MODULE, "arguments": {}}
    named = {"module": MODULE, "class_name": "Anything", "config": {}, "registered_name": "Anything"}
    called = {"module": MODULE, "class_name": "function", "config": "run", "registered_name": "run"}
    system = {"module": "posix", "class_name": "system", "config": f"touch {effect}", "registered_name": "system"}
    pickled = base64.b64encode(pickle.dumps(Bomb(effect))).decode()
    source = [tensor("in")]
    layers = {
        "lambda": layer("Lambda", "x", {"function": new_lambda}, source),
        "old_lambda": layer("Lambda", "x", old_lambda, source),
        "custom_layer": layer("Anything", "x", {}, source, module=MODULE, registered_name=f"{MODULE}>Anything"),
        "custom_initializer": layer("Dense", "x", {"units": 4, "kernel_initializer": named}, source),
        "system": layer("Dense", "x", {"units": 4, "kernel_initializer": system}, source),
        "function": layer("Activation", "x", {"activation": called}, source),
        "vocabulary": layer("StringLookup", "x", {"vocabulary": str(canary)}, source),
        "text": layer("TextVectorization", "x", {"vocabulary": str(canary), "standardize": called}, source),
        "saved_model": layer("TFSMLayer", "x", {"filepath": str(folder), "call_endpoint": "serve"}, source),
        "torch": layer("TorchModuleWrapper", "x", {"module": pickled}, source),
    }
    configs = {name: functional([input_layer(), each]) for name, each in layers.items()}
    configs["compile"] = model() | {"compile_config": {"optimizer": named, "loss": called, "metrics": [system]}}
    configs["build"] = model() | {"build_config": named, "module": MODULE, "class_name": "Anything"}

    def linked(file: h5py.File) -> None:
        file["layers/link"] = h5py.ExternalLink(str(canary), "/")
        file["soft"] = h5py.SoftLink("/layers")
        file.create_dataset("external", (16,), "f4", external=[(str(canary), 0, 64)])
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource(str(canary), "x", (4,))
        file.create_virtual_dataset("virtual", layout)

    contents = {f"{name}.keras": keras_archive(config) for name, config in configs.items()}
    contents |= {f"{name}.h5": h5_model(config) for name, config in configs.items()}
    contents |= {f"{name}.json": json.dumps(config).encode() for name, config in configs.items()}
    contents["links.keras"] = keras_archive(stored=weights(linked))
    contents["links.h5"] = h5_model(build=linked)
    contents["escape.keras"] = keras_archive(extra=[Entry("../effect", b"x"), Entry(str(effect), b"x")])
    contents["w.weights.json"] = json.dumps({"weight_map": {"/layers/x/vars": str(canary)}}).encode()
    contents["pickle.keras"] = pickle.dumps(Bomb(effect))
    return [write(folder, name, content) for name, content in contents.items()]


HOOK = """
import os, sys
def hook(event, arguments, log={log!r}, module={module!r}, canary={canary!r}):
    named = event == "import" and str(arguments[0]).partition(".")[0] == module
    opened = event == "open" and isinstance(arguments[0], str) and arguments[0] == canary
    if named or opened or event in ("subprocess.Popen", "os.system", "os.exec", "socket.connect"):
        os.write(descriptor, f"{{event}} {{arguments[:1]}}\\n".encode())
descriptor = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(descriptor, f"started {{os.getpid()}}\\n".encode())
sys.addaudithook(hook)
"""
"""For the processes of -j, which Python starts."""


@pytest.fixture(scope="module", params=WAYS)
def watched(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    good = folder / "good" / "good.keras"
    good.parent.mkdir()
    good.write_bytes((ROOT / "tests" / "data" / "good.keras").read_bytes())
    paths = [str(path) for path in bombs(folder)]
    if request.param in SLOW:
        paths = paths[::5]
    log = folder.parent / f"{folder.name}.log"
    site = folder / "good" / "sitecustomize.py"
    site.write_text(HOOK.format(log=str(log), module=MODULE, canary=str(folder / "canary")))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    arguments = [request.param, str(folder / "out"), str(good), *paths]
    result = subprocess.run(
        [sys.executable, "-m", "tests.hostile.watch", *arguments],
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}:{folder}:{site.parent}",
            "PATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "GRAPHLINT_CACHE_DIR": f"{folder}.cache",
            "TMPDIR": tempfile.gettempdir(),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    return request.param, [*paths, str(good)], json.loads(result.stdout.splitlines()[-1]), log.read_text().splitlines()


def test_every_command_that_reads_a_model_is_watched():
    assert {words[0] for words in WAYS.values()} == set(COMMANDS) - WITHOUT_MODELS


def test_every_file_is_found_out(watched):
    way, paths, seen, _ = watched
    assert set(seen["codes"]) == set(paths[:-1])
    if way.startswith("check"):
        clean = {Path(path).stem for path, code in seen["codes"].items() if code == 0}
        assert clean <= set(ORDINARY)


def test_nothing_is_run(watched):
    way, _, seen, log = watched
    if way in LOADING:
        # Keras is asked for files with classes that nobody knows, which it refuses; what it imports is its own.
        assert not [event for event in seen["events"] if MODULE in event or event.startswith(RUNNING)]
    elif way != "check -j":
        assert seen["events"] == []
    # Python's platform, which TensorFlow asks as it is imported, runs uname; the second time nothing may.
    first = ("started ", "subprocess.Popen ('uname',)") if way in LOADING else ("started ",)
    own = [f"subprocess.Popen ({sys.executable!r},)"] if way == "check -j" else []
    assert all(line.startswith(first) or line in own for line in log), log
    assert len(log) >= (3 if way == "check -j" else 1)


def test_only_the_files_are_opened(watched):
    way, paths, seen, _ = watched
    installation = (sys.prefix, sys.base_prefix, str(ROOT), *(path for path in sys.path if "site-packages" in path))
    system = ("/dev/", "/proc/", "/sys/") if way in LOADING or way == "check -j" else ()
    own = {tempfile.gettempdir()} if way in LOADING else set()  # opened where a private copy is removed from it
    assert {path for path in seen["opened"] if not path.startswith((*installation, *system))} <= set(paths) | own


def test_neither_the_named_modules_nor_keras_are_imported(watched):
    way, _, seen, _ = watched
    loaded = {name.partition(".")[0] for name in seen["modules"]}
    assert MODULE not in loaded
    if way not in LOADING:
        assert not loaded & {"keras", "tensorflow", "h5py", "torch", "jax"}


def test_the_bombs_would_go_off(tmp_path):
    """Otherwise the tests above would prove nothing."""
    bomb = next(path for path in bombs(tmp_path) if path.name == "pickle.keras")
    pickle.loads(bomb.read_bytes()).close()
    assert (tmp_path / "effect").exists()


def test_clean_layers_are_not_found_out(tmp_path):
    config = functional([input_layer(), dense("d", tensor("in"), activation="relu")])
    path = write(tmp_path, "clean.keras", keras_archive(config))
    result = subprocess.run(
        [sys.executable, "-m", "graphlint", "check", "--isolated", str(path)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0
