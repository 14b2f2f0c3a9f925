"""Nothing that a file names is opened, imported, unmarshalled, executed or spawned."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

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
from tests.sources.archives import Entry

ROOT = Path(__file__).parents[2]
MODULE = "graphlint_canary_module"
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


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bombs")
    paths = [str(path) for path in bombs(folder)]
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    result = subprocess.run(
        [sys.executable, "-m", "tests.hostile.watch", *paths],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    return paths, json.loads(result.stdout)


def test_every_file_is_found_out(watched):
    paths, seen = watched
    assert set(seen["codes"]) == set(paths)
    clean = {Path(path).stem for path, code in seen["codes"].items() if code == 0}
    assert clean <= set(ORDINARY)


def test_nothing_is_run(watched):
    assert watched[1]["events"] == []


def test_only_the_files_are_opened(watched):
    paths, seen = watched
    installation = (sys.prefix, sys.base_prefix)
    assert {path for path in seen["opened"] if not path.startswith(installation)} <= set(paths)


def test_neither_the_named_modules_nor_keras_are_imported(watched):
    loaded = {name.partition(".")[0] for name in watched[1]["modules"]}
    assert not loaded & {MODULE, "keras", "tensorflow", "h5py", "torch", "jax"}


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
