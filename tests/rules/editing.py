"""Model files with something changed in them."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras


def edited(model: keras.Model, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Save a model with its configuration changed in place by a function."""
    good, bad = folder / "before.keras", folder / "edited.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(good)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            target.writestr(name, data)
    return bad


def entry(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry of a layer in the configuration of a model without nesting."""
    for one in config["config"]["layers"]:
        if one["config"]["name"] == name:
            return one
    raise KeyError(name)


def json_model(folder: Path, *entries: dict[str, Any], **root: Any) -> Path:
    """A Sequential model as a configuration file; ``root`` adds keys beside ``class_name``."""
    path = folder / "model.json"
    config = {"name": "model", "layers": list(entries)}
    path.write_text(json.dumps({"class_name": "Sequential", "config": config, **root}))
    return path
