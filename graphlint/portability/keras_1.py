"""Layers of Keras 1 under the names and arguments of Keras 2 and 3.

Keras 2 renamed nearly every argument; what has the same meaning is translated here, and what has none is left under its
old name, so that whoever builds the layer refuses it. The kernels of Keras 1 are in ``arrays``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WEIGHTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_IMAGE = {"border_mode": "padding", "dim_ordering": "data_format"}
_RECURRENT = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_CONVOLUTION = {
    **_WEIGHTS,
    **_IMAGE,
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
}
_POOLING = {**_IMAGE, "pool_length": "pool_size", "stride": "strides"}
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "Dense": {**_WEIGHTS, "output_dim": "units"},
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "SpatialDropout3D": {"p": "rate", "dim_ordering": "data_format"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "BatchNormalization": {"mode": "mode", "gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    "PReLU": {"init": "alpha_initializer"},
    "SimpleRNN": _RECURRENT,
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "ConvLSTM2D": {**_RECURRENT, **_CONVOLUTION},
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "Conv3D": _CONVOLUTION,
    "Conv2DTranspose": _CONVOLUTION,
    "SeparableConv2D": _CONVOLUTION,
    "UpSampling1D": {"length": "size"},
    **dict.fromkeys(("MaxPooling1D", "AveragePooling1D"), _POOLING),
    **dict.fromkeys(("MaxPooling2D", "MaxPooling3D", "AveragePooling2D", "AveragePooling3D"), _POOLING),
    **dict.fromkeys(
        """GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling2D GlobalAveragePooling3D UpSampling2D UpSampling3D
        ZeroPadding2D ZeroPadding3D Cropping2D Cropping3D""".split(),
        _IMAGE,
    ),
    "InputLayer": {"input_dtype": "dtype"},
}
_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}
_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
_INITIALIZERS = {
    "zero": "zeros",
    "one": "ones",
    "uniform": "random_uniform",
    "normal": "random_normal",
}
_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))


def in_keras_2(class_name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class and the arguments of a layer, with those of Keras 1 under their later names.

    >>> in_keras_2("Convolution2D", {"nb_filter": 8, "nb_row": 3, "nb_col": 5, "dim_ordering": "th"})
    ('Conv2D', {'filters': 8, 'data_format': 'channels_first', 'kernel_size': [3, 5]})
    >>> in_keras_2("Dense", {"units": 4})
    ('Dense', {'units': 4})
    """
    if class_name == "Merge":
        return _merge(config)
    name = _CLASSES.get(class_name, class_name)
    if not is_keras_1(class_name, config):
        return name, dict(config)
    names = _ARGUMENTS.get(name, {})
    today: dict[str, Any] = {}
    for key, value in config.items():
        renamed = names.get(key, key)
        if renamed == key or renamed not in config:
            today[renamed] = _value(renamed, value)
    _sizes(today)
    _specials(name, today)
    return name, today


def is_keras_1(class_name: str, config: Mapping[str, Any]) -> bool:
    """Whether the arguments are those of Keras 1.

    >>> is_keras_1("Dense", {"output_dim": 3}), is_keras_1("Dense", {"units": 3}), is_keras_1("Embedding", {"init": ""})
    (True, False, True)
    """
    names = _ARGUMENTS.get(_CLASSES.get(class_name, class_name), {})
    return class_name == "Merge" or any(key in config for key in (*names, "nb_row", "kernel_dim1"))


def _value(name: str, value: Any) -> Any:
    if name == "data_format":
        return _ORDERINGS.get(value, value) if isinstance(value, str) else value
    if name.endswith("_initializer") and isinstance(value, str):
        return _INITIALIZERS.get(value, value)
    if name.endswith("_regularizer") and isinstance(value, dict) and "class_name" not in value:
        return {"class_name": "L1L2", "config": {key: value.get(key) or 0.0 for key in ("l1", "l2")}}
    if name.endswith("_constraint") and isinstance(value, dict) and "class_name" not in value:
        return _constraint(value)
    return value


def _constraint(value: dict[str, Any]) -> Any:
    config = {key: item for key, item in value.items() if key != "name"}
    if "m" in config:
        config["max_value"] = config.pop("m")
    return {"class_name": value.get("name"), "config": config}


def _sizes(config: dict[str, Any]) -> None:
    for keys in _SIZES:
        if all(key in config for key in keys):
            config["kernel_size"] = [config.pop(key) for key in keys]


def _specials(name: str, config: dict[str, Any]) -> None:
    """Arguments that have no effect on what is computed, or have none with the value that Keras 3 has for all."""
    config.pop("consume_less", None)
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") in ("one", "ones")
    if name == "BatchNormalization" and config.get("mode") == 0:
        del config["mode"]
    if name == "Embedding" and not config.get("dropout"):
        config.pop("dropout", None)
    if name == "GRU":
        config["reset_after"] = False
    if name == "Conv2DTranspose":
        config.pop("output_shape", None)


def _merge(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A Merge of one of the modes that have a layer of their own; it stays a Merge otherwise."""
    mode = config.get("mode")
    name = _MERGES.get(mode) if isinstance(mode, str) else None
    if name is None or config.get("layers"):
        return "Merge", dict(config)
    today: dict[str, Any] = {key: config[key] for key in ("name", "trainable") if key in config}
    if name == "Concatenate":
        today["axis"] = config.get("concat_axis", -1)
    elif name == "Dot":
        today["axes"] = config.get("dot_axes", -1)
        today["normalize"] = mode == "cos"
    return name, today
