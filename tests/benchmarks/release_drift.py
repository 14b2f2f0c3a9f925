"""What an older Keras computes, and what the installed one makes of its files: the largest difference for each setting.

    python tests/benchmarks/release_drift.py write FOLDER      under Keras 2
    python tests/benchmarks/release_drift.py compare FOLDER    under Keras 3

``write`` saves a model for each setting of a layer, with random weights, a sample and the outputs; ``compare`` loads
the files as they are, and again after a rescue, and prints a line for each setting where one of the two differs by more
than 1e-5 of the largest output (of 1, if that is less), and a summary. It exits with 1 where a rescued model differs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np

EQUAL = 1e-5
ACTIVATIONS = """hard_sigmoid gelu elu selu exponential softplus softsign swish silu mish relu relu6 leaky_relu softmax
log_softmax tanh sigmoid linear"""
RESIZES = "nearest bilinear bicubic area lanczos3 lanczos5 gaussian mitchellcubic"
SEQUENCE, IMAGE, PAIR = "(6, 3)", "(7, 8, 3)", "(6, 8) (5, 8)"
SETTINGS = """
(7,)         | LeakyReLU()(a)
(7,)         | LeakyReLU(0.1)(a)
(7,)         | ELU(0.3)(a)
(7,)         | ThresholdedReLU(0.4)(a)
(7,)         | ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)(a)
(4, 7)       | PReLU(shared_axes=[1])(a)
(4, 7)       | Softmax(axis=1)(a)
(4, 7)       | Softmax(axis=[1, 2])(a)
(5, 6)       | BatchNormalization(axis=1)(a)
(5, 6)       | BatchNormalization(center=False, scale=False)(a)
(4, 5, 6)    | LayerNormalization(axis=[1, 2, 3])(a)
(4, 5, 6)    | LayerNormalization(axis=[1, 3])(a)
(5, 8)       | GroupNormalization(4)(a)
(5, 5, 8)    | GroupNormalization(-1)(a)
(5, 6)       | UnitNormalization()(a)
(7,)         | SpectralNormalization(Dense(4))(a)
(5, 3)       | UpSampling1D(3)(a)
(3, 4, 2, 2) | UpSampling3D((2, 1, 3))(a)
(9, 3)       | Conv1D(4, 3, padding="causal", dilation_rate=2)(a)
(7, 7, 4)    | Conv2D(4, 3, groups=2)(a)
(7, 8, 3)    | SeparableConv2D(4, 3, strides=2, activation="hard_sigmoid")(a)
(7, 8, 3)    | DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(a)
(5, 7)       | EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", activation="hard_sigmoid")(a)
(4, 5)       | TimeDistributed(Dense(3, activation="hard_sigmoid"))(a)
(4, 5)       | TimeDistributed(Activation("hard_sigmoid"))(a)
(6, 3)       | SimpleRNN(4, activation="hard_sigmoid")(a)
(6, 3)       | RNN(LSTMCell(4, recurrent_activation="hard_sigmoid"))(a)
(6, 3)       | RNN([GRUCell(4, recurrent_activation="hard_sigmoid"), LSTMCell(3)])(a)
(6, 3)       | LSTM(4, return_sequences=True, zero_output_for_mask=True)(Masking(0.0)(a))
(6, 3)       | Bidirectional(LSTM(4, return_sequences=True))(Masking(0.0)(a))
(6, 3)       | GlobalAveragePooling1D()(Masking(0.0)(a))
(4, 5, 3)    | GlobalAveragePooling2D(keepdims=True)(a)
(9, 11, 3)   | CenterCrop(7, 8)(a)
(6, 9, 3)    | CenterCrop(8, 8)(a)
(4,)         | Rescaling(0.1, -0.5)(a)
(4,)         | Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 0.0])(a)
(4,)         | Normalization(mean=0.1, variance=2.0, invert=True)(a)
(4,)         | Discretization([-0.5, 0.0, 0.5])(a)
(6, 6, 3)    | RandomFlip()(a)
(6, 6, 3)    | RandomRotation(0.1)(a)
(6, 6, 3)    | RandomZoom(0.1)(a)
(6, 6, 3)    | RandomCrop(4, 4)(a)
(3, 4, 5)    | Flatten(data_format="channels_first")(a)
(6, 8)       | MultiHeadAttention(2, 4)(a, a, use_causal_mask=True)
(4, 5, 8)    | MultiHeadAttention(2, 4, attention_axes=(1, 2))(a, a)
(6,) (6,)    | Dot(1, normalize=True)([a, b])
(4, 6) (6,)  | Add()([a, b])
(4, 6) (4, 6) | LSTM(3)(Concatenate()([Masking(0.0)(a), b]))
(4, 6) (4, 6) | LSTM(3)(Add()([Masking(0.0)(a), b]))
(4, 6) (3,) (3,) | LSTM(3, recurrent_activation="hard_sigmoid")(a, initial_state=[b, c])
"""
"""The shapes of the inputs, and what is computed from ``a``, ``b`` and ``c``."""
MASKED = """Dense(5) BatchNormalization() Dropout(0.2) Activation('hard_sigmoid') LayerNormalization() Conv1D(5,1)
TimeDistributed(Dense(5)) SpatialDropout1D(0.2) Permute((2,1)) Reshape((6,6)) LeakyReLU() GaussianNoise(0.1)
Bidirectional(LSTM(3,return_sequences=True)) MaxPooling1D(2) ZeroPadding1D(1) UpSampling1D(2) Cropping1D(1) PReLU()
Rescaling(0.5) UnitNormalization() EinsumDense("abc,cd->abd",(None,4)) LSTM(3,return_sequences=True)"""
"""Layers between a mask and what uses it."""


def settings() -> Iterator[tuple[list[tuple[int, ...]], str]]:
    """Shapes of the inputs and an expression for each setting."""
    for line in SETTINGS.strip().splitlines():
        shapes, _, expression = line.partition("|")
        yield _shapes(shapes), expression.strip()
    for name in ACTIVATIONS.split():
        yield [(7,)], f"Dense(5, activation={name!r})(a)"
        yield [(4, 7)], f"Activation({name!r})(a)"
    for own in ("tanh", "hard_sigmoid", "relu"):
        for gates in ("sigmoid", "hard_sigmoid"):
            for layer in ("LSTM(4", "GRU(4, reset_after=True", "GRU(4, reset_after=False", "ConvLSTM1D(3, 2"):
                shape = "(4, 6, 2)" if layer.startswith("Conv") else SEQUENCE
                yield _shapes(shape), f"{layer}, activation={own!r}, recurrent_activation={gates!r})(a)"
    for merge in ("sum", "mul", "ave", "concat"):
        yield _shapes(SEQUENCE), f"Bidirectional(GRU(4, recurrent_activation='hard_sigmoid'), merge_mode={merge!r})(a)"
    for rank in (2, 3, 4, 5):
        for epsilon in (1e-3, 1e-5, 1e-6, 1e-7):
            yield [(5, 4, 3, 2)[: rank - 1]], f"BatchNormalization(epsilon={epsilon})(a)"
            yield [(5, 4, 3, 2)[: rank - 1]], f"LayerNormalization(epsilon={epsilon})(a)"
    for how in RESIZES.split():
        yield _shapes(IMAGE), f"UpSampling2D((3, 2), interpolation={how!r})(a)"
        for size, crop in (((9, 11), False), ((4, 5), False), ((4, 5), True)):
            yield _shapes(IMAGE), f"Resizing(*{size}, interpolation={how!r}, crop_to_aspect_ratio={crop})(a)"
    for padding in ("same", "valid"):
        for strides in (1, 2, 3):
            for rank, shape in ((1, "(9, 3)"), (2, IMAGE), (3, "(5, 6, 5, 2)")):
                for layer in ("AveragePooling{}D(2", "MaxPooling{}D(2", "Conv{}D(4, 3", "Conv{}DTranspose(4, 3"):
                    yield _shapes(shape), f"{layer.format(rank)}, strides={strides}, padding={padding!r})(a)"
                given = f"strides=2, padding={padding!r}, output_padding={strides % 2}"
                yield _shapes(shape), f"Conv{rank}DTranspose(4, 3, {given})(a)"
    for layer in MASKED.split():
        yield [(6, 6)], f"LSTM(3)({layer}(Masking(0.0)(a)))"
    for layer in ("Attention()", "Attention(use_scale=True)", "Attention(score_mode='concat')", "AdditiveAttention()"):
        yield _shapes(PAIR), f"{layer}([a, b])"
        yield _shapes(PAIR), f"{layer}([Masking(0.0)(a), Masking(0.0)(b)])"


def _shapes(text: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, re.findall(r"\d+", one))) for one in re.findall(r"\(([^)]*)\)", text)]


def key(number: int) -> str:
    return f"{number:03}"


def write(folder: Path) -> int:
    """Under an older Keras: a file, a sample and outputs for each setting that this Keras has."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    written = {}
    for number, (shapes, expression) in enumerate(settings()):
        keras.backend.clear_session()
        inputs = [keras.Input(shape) for shape in shapes]
        names = {**vars(keras.layers), **dict(zip("abc", inputs, strict=False))}
        try:
            model = keras.Model(inputs, eval(expression, names))
            samples = [_sample(random, shape, expression) for shape in shapes]
            if "Normalization(mean" not in expression:
                model.set_weights([_weights(random, one, expression) for one in model.weights])
            outputs = model(samples if len(samples) > 1 else samples[0], training=False)
            model.save(folder / f"{key(number)}.h5")
        except Exception as error:
            print(f"{expression} | not in Keras {keras.__version__}: {' '.join(str(error).split())[:80]}", flush=True)
            continue
        given = {f"x{index}": one for index, one in enumerate(samples)}
        np.savez(folder / f"{key(number)}.npz", y=np.asarray(outputs, "float64"), **given)
        written[expression] = key(number)
    (folder / "settings.json").write_text(json.dumps({"release": keras.__version__, "settings": written}))
    print(f"{len(written)} settings of Keras {keras.__version__}")
    return 0


def _sample(random: np.random.Generator, shape: tuple[int, ...], expression: str) -> np.ndarray:
    found = random.normal(size=(8, *shape)).astype("float32") * (0.01 if "epsilon" in expression else 2)
    if "Masking" in expression and len(shape) > 1:
        found[:, -2:] = 0
    return found


def _weights(random: np.random.Generator, variable: Any, expression: str) -> np.ndarray:
    found = random.normal(size=variable.shape) * 0.7
    if "variance" in variable.name:
        found = np.abs(found) * 1e-4 + 1e-6 if "epsilon" in expression else np.abs(found) + 0.5
    return found.astype("float32")


def compare(folder: Path) -> int:
    """Under the installed Keras: what is equal as it loads, and what is after a rescue."""
    from graphlint.fixes.rescue import rescue
    from graphlint.sources import read

    known = json.loads((folder / "settings.json").read_text())
    equal = refused = drifted = 0
    for expression, name in known["settings"].items():
        path, arrays = folder / f"{name}.h5", dict(np.load(folder / f"{name}.npz"))

        def load(path: Path = path) -> Any:
            return keras.models.load_model(path, compile=False)

        def rescued(path: Path = path) -> Any:
            return rescue(read(path)).model

        before, after = difference(load, arrays), difference(rescued, arrays)
        keras.utils.clear_session()
        equal += isinstance(before, float) and before <= EQUAL and isinstance(after, float) and after <= EQUAL
        refused += isinstance(after, str)
        drifted += isinstance(after, float) and after > EQUAL
        if not all(isinstance(one, float) and one <= EQUAL for one in (before, after)):
            print(f"{expression} | {_shown(before)} | {_shown(after)}", flush=True)
    print(
        f"Keras {known['release']} to {keras.__version__}: {len(known['settings'])} settings, {equal} equal as is, "
        f"{refused} refused by the rescue, {drifted} different after it"
    )
    return 1 if drifted else 0


def difference(load: Callable[[], Any], arrays: dict[str, np.ndarray]) -> float | str:
    inputs = [arrays[name] for name in sorted(arrays) if name != "y"]
    try:
        outputs = keras.ops.convert_to_numpy(load()(inputs if len(inputs) > 1 else inputs[0], training=False))
    except Exception as error:
        return " ".join(str(error).split())
    if outputs.shape != arrays["y"].shape:
        return f"shape {outputs.shape} instead of {arrays['y'].shape}"
    size = max(1.0, np.abs(arrays["y"]).max(initial=0.0))
    return float(np.nan_to_num(np.abs(outputs - arrays["y"]), nan=np.inf).max(initial=0.0) / size)


def _shown(found: float | str) -> str:
    return f"{found:.1e}" if isinstance(found, float) else found[:110]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    command, folder = sys.argv[1:]
    sys.exit({"write": write, "compare": compare}[command](Path(folder)))
