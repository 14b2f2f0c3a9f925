"""Does a rescued file compute what its own release computes?

    python tests/benchmarks/rescue_outputs.py rescue FOLDER FILE|DIRECTORY ...     under Keras 3
    python tests/benchmarks/rescue_outputs.py compare FOLDER                       under Keras 2

``rescue`` rescues what Keras 3 refuses or computes otherwise, and keeps a sample and the outputs for each file;
``compare`` loads the original in the older Keras and prints the largest difference. Some recurrent models amplify the
last bit of their input to something that shows: how far the original itself moves when each input does by one part in
ten million is printed beside a difference over 1e-4, and excuses what is below it. Files with Python code in them are
not rescued, and so are never loaded by the older Keras, which has no safe mode for HDF5.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np

FREE = 24
"""The size of an axis that the file leaves free."""
EQUAL = 1e-4


def keep(folder: Path, targets: list[str]) -> int:
    from graphlint.errors import GraphlintError, one_line
    from graphlint.fixes.rescue import rescue
    from graphlint.model.expand import expand
    from graphlint.portability.drift import drifts
    from graphlint.sources import read
    from tests.benchmarks.rescue import files, refusal

    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[str, str] = {}
    for path in files(targets):
        try:
            definition = read(path, by_content=True)
            if not definition.has_weights or not (drifts(expand(definition)) or refusal(path) is not None):
                continue
            model = rescue(definition).model
        except GraphlintError as error:
            print(f"{path.name} | refused: {one_line(error, 120)}", flush=True)
            continue
        samples = [_sample(model, one) for one in model.inputs]
        outputs = keras.tree.flatten(model(samples if len(samples) > 1 else samples[0], training=False))
        name = f"{len(kept):03}"
        flat = np.concatenate([np.ravel(keras.ops.convert_to_numpy(one)) for one in outputs]).astype("float64")
        np.savez(folder / f"{name}.npz", y=flat, **{f"x{index}": one for index, one in enumerate(samples)})
        kept[name] = str(path.resolve())
        keras.utils.clear_session()
    (folder / "files.json").write_text(json.dumps(kept))
    print(f"{len(kept)} files rescued with their weights")
    return 0


def _sample(model: Any, tensor: Any) -> np.ndarray:
    random = np.random.default_rng(0)
    shape = [2, *(FREE if dim is None else dim for dim in tensor.shape[1:])]
    readers = [one for one in model.layers if isinstance(one, keras.layers.Embedding)]
    if (readers and len(shape) == 2) or "int" in tensor.dtype:
        return random.integers(0, min([one.input_dim for one in readers] or [2]), shape).astype(tensor.dtype)
    return random.normal(size=shape).astype(tensor.dtype)


def compare(folder: Path) -> int:
    worst = 0.0
    unread = 0
    kept = json.loads((folder / "files.json").read_text())
    for name, path in kept.items():
        arrays = dict(np.load(folder / f"{name}.npz"))
        samples = [arrays[key] for key in sorted(arrays) if key != "y"]
        try:
            model = keras.models.load_model(path, compile=False)
            flat = _outputs(model, samples)
        except Exception as error:
            unread += 1
            print(f"{Path(path).name} | not read by Keras {keras.__version__}: {' '.join(str(error).split())[:80]}")
            continue
        size = max(1.0, np.abs(flat).max())
        found = float(np.abs(flat - arrays["y"]).max() / size)
        said = f"{found:.1e}"
        if found > EQUAL:
            moved = float(np.abs(_outputs(model, [_moved(one) for one in samples]) - flat).max() / size)
            said += f", where the original moves by {moved:.1e} with its inputs' last bit"
            found = found if found > moved else 0.0
        worst = max(worst, found)
        print(f"{Path(path).name} | {said}", flush=True)
    print(f"{len(kept)} files, {unread} not read by Keras {keras.__version__}, largest difference {worst:.1e}")
    return 1 if worst > EQUAL else 0


def _outputs(model: Any, samples: list[np.ndarray]) -> np.ndarray:
    outputs = model(samples if len(samples) > 1 else samples[0], training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return np.concatenate([np.ravel(np.asarray(one)) for one in outputs]).astype("float64")


def _moved(sample: np.ndarray) -> np.ndarray:
    if not np.issubdtype(sample.dtype, np.floating):
        return sample
    signs = np.random.default_rng(0).choice([-1.0, 1.0], sample.shape)
    return (sample * (1 + 1e-7 * signs)).astype(sample.dtype)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    command, folder, *targets = sys.argv[1:]
    sys.exit(keep(Path(folder), targets) if command == "rescue" else compare(Path(folder)))
