"""The gate of the security rules on layers of other people's packages: none of them is dangerous.

    python -m tests.benchmarks.third_party [--of keras|tf_keras|tensorflow.keras] PACKAGE [PACKAGE...]

Imports each package with all its modules, makes every layer class whose constructor can be satisfied, writes it as
Keras writes it into a model, as ``.keras``, ``.h5`` and JSON, and checks the files. Run it in an environment where the
packages are installed. Prints each X finding; exits with 1 if there is any, or if a package has no layer that can be
made.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from graphlint.engine.linter import Linter
from tests.hostile.files import functional, h5_model, input_layer, keras_archive, layer, tensor, write

LIMIT = 60
"""Layers of one package that are made."""


def modules(package: str) -> Iterator[ModuleType]:
    """A package and every module in it that can be imported here."""
    root = importlib.import_module(package)
    yield root
    for one in pkgutil.walk_packages(getattr(root, "__path__", []), root.__name__ + ".", onerror=lambda name: None):
        if any(part in one.name for part in ("test", "__main__", "example", "script", "setup")):
            continue
        try:
            yield importlib.import_module(one.name)
        except (Exception, SystemExit):
            continue


def layer_classes(package: str, base: type) -> list[type]:
    """The layer classes that a package defines."""
    found: dict[str, type] = {}
    for module in modules(package):
        for value in list(vars(module).values()):
            if inspect.isclass(value) and issubclass(value, base) and value.__module__.split(".")[0] == package:
                found.setdefault(f"{value.__module__}.{value.__qualname__}", value)
    return [found[name] for name in sorted(found)]


def argument(name: str, keras: Any) -> Any:
    """A plausible value of an argument of a constructor."""
    if name in ("layer", "backbone", "cell", "model"):
        return keras.layers.Dense(4)
    if "activation" in name:
        return "relu"
    if "initializer" in name:
        return "glorot_uniform"
    if "rate" in name or "prob" in name or "epsilon" in name or "alpha" in name:
        return 0.1
    if name.endswith(("shape", "size")) and "batch" not in name and "vocab" not in name:
        return (3, 3)
    if "name" in name or "mode" in name:
        return "theirs"
    return 4


def made(one: type, keras: Any) -> Any:
    """A layer of a class, or None where its constructor refuses what is tried."""
    needed = [
        name
        for name, parameter in list(inspect.signature(one.__init__).parameters.items())[1:]
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    plausible = {name: argument(name, keras) for name in needed}
    for values in (plausible, {name: 4 for name in needed}, {name: [4] for name in needed}):  # noqa: C420
        try:
            return one(**values)
        except Exception:
            continue
    return None


def entries(one: Any, keras: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A layer as Keras writes it in its files: by its own format of today, and by that of Keras 1 and 2."""
    name = one.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = one.get_config()
        legacy = {"class_name": type(one).__name__, "config": config, "name": name}
        yield "legacy", legacy | {"inbound_nodes": [[["in", 0, 0, {}]]]}
        written = keras.saving.serialize_keras_object(one)
    yield "today", layer(written["class_name"], name, inputs=[tensor("in")]) | written | {
        "name": name, "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}]
    }  # fmt: skip


def plain(value: Any) -> Any:
    """What JSON has no form for, as Keras writes it."""
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else (
        value.tolist() if hasattr(value, "tolist") else str(value)
    )  # fmt: skip


def check(package: str, keras: Any, folder: Path, linter: Linter) -> tuple[int, int, int, list[str]]:
    """Classes, layers made, files checked, and X findings of a package."""
    classes = layer_classes(package, keras.layers.Layer)
    layers = files = 0
    found: list[str] = []
    for kind in classes:
        if layers == LIMIT or inspect.isabstract(kind) or (one := made(kind, keras)) is None:
            continue
        try:
            written = list(entries(one, keras))
        except Exception:
            continue
        layers += 1
        for form, entry in written:
            config = json.loads(json.dumps(functional([input_layer(), entry]), default=plain))
            contents = {"json": json.dumps(config).encode()}
            contents |= {"h5": h5_model(config)} if form == "legacy" else {"keras": keras_archive(config)}
            for suffix, content in contents.items():
                report = linter.check_file(write(folder, f"model.{suffix}", content))
                files += 1
                if report.status != "checked":
                    found.append(f"{kind.__module__}.{kind.__name__} ({form}, {suffix}): {report.status}")
                found += [
                    f"{kind.__module__}.{kind.__name__} ({form}, {suffix}): {finding.code} {finding.message}"
                    for finding in report.findings
                    if finding.code.startswith("X")
                ]
    return len(classes), layers, files, found


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE")
    parser.add_argument("--of", default="keras", metavar="KERAS", help="the module whose Layer the packages subclass")
    options = parser.parse_args()
    keras = importlib.import_module(options.of)
    linter, wrong = Linter(), False
    for package in options.packages:
        with tempfile.TemporaryDirectory() as folder:
            try:
                classes, layers, files, found = check(package, keras, Path(folder), linter)
            except (Exception, SystemExit) as error:
                print(f"{package:32} cannot be imported: {type(error).__name__}: {str(error)[:100]}", flush=True)
                wrong = True
                continue
        print(f"{package:32} {classes:4} classes, {layers:3} layers in {files:3} files, {len(found)} X", flush=True)
        for line in found:
            print(f"    {line}")
        wrong |= bool(found) or not layers
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
