"""The gate of the rules on data: what they report on models that are well made, with data as they were made for.

    python tests/benchmarks/batch/healthy.py [--only NAME]... [--measure]

Runs every sample architecture, compiled as it is, and 14 of ``keras.applications`` with random weights and their own
preprocessing, each on one batch. Prints each error and warning of a rule on data, and what could not be run. Exits with
1 if there was any. With ``--measure``, the figures that the thresholds are set by.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras
import numpy as np

import graphlint
from graphlint.questions.observed import kernel_gradients, observed
from tests.benchmarks.batch.plausible import plausible
from tests.models import ARCHITECTURES

APPLICATIONS = {
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "VGG16": "vgg16",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "DenseNet121": "densenet",
    "InceptionV3": "inception_v3",
    "Xception": "xception",
    "InceptionResNetV2": "inception_resnet_v2",
    "NASNetMobile": "nasnet",
    "ConvNeXtTiny": "convnext",
}

Program = tuple[keras.Model, tuple[Any, ...]]


def application(name: str, module: str) -> Program:
    """An application for ten classes of small images that are smooth, as photographs are."""
    size = 75 if name in ("InceptionV3", "InceptionResNetV2", "Xception") else 64
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(0)
    coarse = random.random((16, 6, 6, 3)) * 255
    images = np.array(keras.ops.image.resize(coarse, (size, size), interpolation="bilinear"))
    images = np.clip(images + random.normal(size=images.shape) * 8, 0, 255).astype("float32")
    images = getattr(keras.applications, module).preprocess_input(images)
    return model, (images, random.integers(0, 10, 16))


def programs() -> Iterator[tuple[str, Callable[[], Program]]]:
    for name, build in ARCHITECTURES.items():

        def made(build: Callable[[], keras.Model] = build) -> Program:
            model = build()
            x, y = plausible(model)
            return model, (x,) if y is None else (x, y)

        yield name, made
    for name, module in APPLICATIONS.items():
        yield name, lambda name=name, module=module: application(name, module)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    count = reported = not_run = 0
    for name, make in programs():
        if arguments.only and not any(one in name for one in arguments.only):
            continue
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model, data = make()
            except Exception as error:
                print(f"{name}: not built: {type(error).__name__}: {error}"[:200])
                not_run += 1
                continue
            start = time.perf_counter()
            report = graphlint.check(model, data=data, select=["B"], preview=True)
        count += 1
        if arguments.measure and report.graph is not None:
            print(f"{name}: {measures(report.graph)}, {time.perf_counter() - start:.2f} s")
        for found in report.findings:
            if found.severity != "info":
                where = found.location.address if found.location else "-"
                print(f"{name}: {found.code} {found.severity} {where}: {found.message}", flush=True)
                reported += 1
    print(f"{count} models, {reported} errors and warnings, {not_run} not built")
    return int(bool(reported or not_run))


def measures(graph: Any) -> str:
    seen = observed(graph)
    kernels = [size for _, size in kernel_gradients(graph) if size > 0]
    dead = max((call.dead_units / call.units for call in seen.calls if call.units > 7), default=0.0)
    saturated = max((call.saturated for call in seen.calls if call.saturated is not None), default=0.0)
    spread = min((one.spread / (one.magnitude or 1) for one in seen.outputs), default=0.0)
    slope = kernels[0] / kernels[-1] if kernels else 0.0
    least = min(kernels) / max(kernels) if kernels else 0.0
    return (
        f"loss {seen.loss}, first/last gradient {slope:.1e}, least/most {least:.1e}, dead {dead:.2f}, "
        f"saturated {saturated:.2f}, spread {spread:.1e}"
    )


if __name__ == "__main__":
    sys.exit(main())
