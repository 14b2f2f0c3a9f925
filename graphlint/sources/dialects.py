"""How Keras 1, 2 and 3 name the same class.

Configurations of `.keras` files give class, module and registered name; those of HDF5 files and of Keras 1 and 2 give a
class name alone, and ``Package>Name`` for a registered class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphlint.shapes.inference import OPERATIONS

LAYERS_MODULE = "keras.layers"
OPERATIONS_MODULE = "keras.src.ops"
_FUNCTIONAL_MODULE = "keras.src.models.functional"
_EXPORTED = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AddLoss AddMetric AdditiveAttention AlphaDropout
    AtrousConvolution1D AtrousConvolution2D Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D
    AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2
    Bidirectional CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D ConvLSTMCell
    Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose
    Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix Deconvolution2D Dense DenseFeatures DepthwiseConv1D
    DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten FlaxLayer GRU GRUCell
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention
    GroupedQueryAttention HashedCrossing Hashing Highway Identity InputLayer IntegerLookup JaxLayer LSTM LSTMCell
    Lambda Layer LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes
    MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MaxoutDense MelSpectrogram Merge
    Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
    STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN
    SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells StringLookup Subtract SyncBatchNormalization TFSMLayer TextVectorization ThresholdedReLU
    TimeDistributed TimeDistributedDense TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
_LAYERS = frozenset(_EXPORTED.split())
"""The layers that Keras 1, 2 or 3 export, under all their names."""
_RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}


class Identity(NamedTuple):
    """What a configuration says about the class of a layer, in the terms of Keras 3."""

    class_name: str
    module: str | None
    registered_name: str | None


def identity(entry: dict[str, Any]) -> Identity:
    """The class of a serialized layer. A built-in class gets the module that Keras 3 writes for it.

    >>> identity({"class_name": "Dense", "config": {}})
    Identity(class_name='Dense', module='keras.layers', registered_name=None)
    >>> identity({"class_name": "my_package>Scale", "config": {}})
    Identity(class_name='Scale', module=None, registered_name='my_package>Scale')
    """
    name: str = entry["class_name"]
    module, registered = entry.get("module"), entry.get("registered_name")
    if isinstance(module, str) or isinstance(registered, str) or "module" in entry:
        return Identity(
            name, module if isinstance(module, str) else None, registered if isinstance(registered, str) else None
        )
    config = entry.get("config")
    if name in ("Model", "Functional") and isinstance(config, dict) and "input_layers" in config:
        return Identity("Functional", _FUNCTIONAL_MODULE, None)
    if name == "Sequential":
        return Identity(name, "keras", None)
    if name in _LAYERS and not _is_operation(entry):
        return Identity(_RENAMED.get(name, name), LAYERS_MODULE, None)
    if name in OPERATIONS:
        return Identity(name, OPERATIONS_MODULE, name)
    _, separator, short = name.rpartition(">")
    return Identity(short, None, name) if separator else Identity(name, None, None)


def _is_operation(entry: dict[str, Any]) -> bool:
    """Whether an entry without a module is the operation of that name, such as ``Add`` of ``x + y``, and not the layer.

    Keras 3 gives every layer a ``trainable`` or a ``dtype``. An operation of one argument loads as the layer.
    """
    config, nodes = entry.get("config"), entry.get("inbound_nodes")
    if entry["class_name"] not in OPERATIONS or not isinstance(config, dict) or not isinstance(nodes, list):
        return False
    if "trainable" in config or "dtype" in config or not all(isinstance(node, dict) for node in nodes):
        return False
    return any(len(node.get("args", ())) + len(node.get("kwargs", ())) > 1 for node in nodes)


def default_dtype(entry: dict[str, Any], module: str | None) -> str | None:
    """The dtype of a built-in layer whose configuration has none, as Keras 1 and 2 omit it if it is float32.

    >>> default_dtype({"class_name": "Dense", "config": {}}, "keras.layers")
    'float32'
    """
    return "float32" if module in (LAYERS_MODULE, "keras") and "module" not in entry else None
