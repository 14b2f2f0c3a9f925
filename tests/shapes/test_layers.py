"""Every layer of ``keras.layers`` infers what Keras declares, and its slots are the variables it makes."""

from __future__ import annotations

import inspect
import itertools

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from graphlint.knowledge.keras_internals import class_identity
from graphlint.model.definition import LayerDefinition, TensorSpec
from graphlint.shapes import ShapeError, infer, slots
from graphlint.shapes.inference import LAYERS
from graphlint.sources.live import read_live
from tests.shapes.symbolic import build, compare

F2 = ((None, 6), "float32")
F3 = ((None, 7, 6), "float32")
F4 = ((None, 12, 10, 4), "float32")
F5 = ((None, 8, 9, 10, 4), "float32")
C3 = ((None, 6, 7), "float32")
C4 = ((None, 4, 12, 10), "float32")
C5 = ((None, 4, 8, 9, 10), "float32")
FREE3 = ((None, None, 6), "float32")
FREE4 = ((None, None, None, 4), "float32")
INT2 = ((None, 7), "int32")
INT3 = ((None, 7, 6), "int32")
HALF3 = ((2, 7, 6), "float16")
TEXT = ((None, 1), "string")
FIRST = "channels_first"
L = layers

CASES = {
    "Activation": [(lambda: L.Activation("tanh"), F3), (lambda: L.Activation("relu"), INT3)],
    "ActivityRegularization": [(lambda: L.ActivityRegularization(0.1), F3)],
    "AdaptiveAveragePooling1D": [(lambda: L.AdaptiveAveragePooling1D(3), F3)],
    "AdaptiveAveragePooling2D": [(lambda: L.AdaptiveAveragePooling2D((3, 2)), F4)],
    "AdaptiveAveragePooling3D": [(lambda: L.AdaptiveAveragePooling3D(2), F5)],
    "AdaptiveMaxPooling1D": [(lambda: L.AdaptiveMaxPooling1D(3, data_format=FIRST), C3)],
    "AdaptiveMaxPooling2D": [(lambda: L.AdaptiveMaxPooling2D(3), F4)],
    "AdaptiveMaxPooling3D": [(lambda: L.AdaptiveMaxPooling3D((2, 3, 4)), F5)],
    "Add": [
        (lambda: L.Add(), [F3, F3]),
        (lambda: L.Add(), [F3, ((None, 1, 6), "float32"), F2]),
        (lambda: L.Add(), [F3, FREE3]),
        (lambda: L.Add(), [INT3, ((2, 7, 6), "float16")]),
    ],
    "AdditiveAttention": [
        (lambda: L.AdditiveAttention(), [F3, FREE3]),
        (lambda: L.AdditiveAttention(use_scale=False), [F3, F3, F3]),
    ],
    "AlphaDropout": [(lambda: L.AlphaDropout(0.1), F3)],
    "Attention": [
        (lambda: L.Attention(), [F3, ((None, 5, 6), "float32")]),
        (
            lambda: L.Attention(use_scale=True, score_mode="concat"),
            [F3, ((None, 5, 3), "float32"), ((None, 5, 6), "float32")],
        ),
        (lambda: lambda x: L.Attention()(x, return_attention_scores=True), [F3, ((None, 5, 6), "float32")]),
    ],
    "AugMix": [(lambda: L.AugMix(), ((None, 8, 8, 3), "float32"))],
    "AutoContrast": [(lambda: L.AutoContrast(), ((None, 8, 8, 3), "float32"))],
    "Average": [(lambda: L.Average(), [F2, F2, F2])],
    "AveragePooling1D": [(lambda: L.AveragePooling1D(3, 2, "same"), F3)],
    "AveragePooling2D": [(lambda: L.AveragePooling2D((3, 2), data_format=FIRST), C4)],
    "AveragePooling3D": [(lambda: L.AveragePooling3D(2, 3), F5)],
    "BatchNormalization": [
        (lambda: L.BatchNormalization(), F4),
        (lambda: L.BatchNormalization(axis=1, scale=False), C4),
        (lambda: L.BatchNormalization(center=False, renorm=True), F2),
        (lambda: L.BatchNormalization(dtype="mixed_float16"), F2),
    ],
    "Bidirectional": [
        (lambda: L.Bidirectional(L.LSTM(3)), F3),
        (lambda: L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="sum"), FREE3),
        (lambda: L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode=None), F3),
        (lambda: L.Bidirectional(L.LSTM(3, return_state=True), merge_mode="mul"), F3),
        (lambda: L.Bidirectional(L.SimpleRNN(3, return_state=True), merge_mode=None), F3),
        (
            lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3, go_backwards=True), dtype="mixed_float16"),
            F3,
        ),
    ],
    "CategoryEncoding": [
        (lambda: L.CategoryEncoding(5), INT2),
        (lambda: L.CategoryEncoding(5, output_mode="one_hot"), INT2),
        (lambda: L.CategoryEncoding(5, output_mode="one_hot"), ((None, 1), "int32")),
        (lambda: L.CategoryEncoding(5, output_mode="count"), ((None,), "int32")),
    ],
    "CenterCrop": [(lambda: L.CenterCrop(5, 6), F4), (lambda: L.CenterCrop(5, 6, data_format=FIRST), C4)],
    "Concatenate": [
        (lambda: L.Concatenate(), [F3, ((None, 7, 2), "float32")]),
        (lambda: L.Concatenate(axis=1), [F3, FREE3]),
        (lambda: L.Concatenate(axis=1), [F3, ((None, 2, 6), "float32"), F3]),
    ],
    "ContrastLimitedAdaptiveHistogramEqualization": [
        (lambda: L.ContrastLimitedAdaptiveHistogramEqualization(), ((None, 8, 8, 3), "float32"))
    ],
    "Conv1D": [
        (lambda: L.Conv1D(5, 3), F3),
        (lambda: L.Conv1D(5, 3, padding="causal", dilation_rate=2), FREE3),
        (lambda: L.Conv1D(5, 3, strides=2, padding="same", data_format=FIRST, use_bias=False), C3),
    ],
    "Conv2D": [
        (lambda: L.Conv2D(5, 3), F4),
        (lambda: L.Conv2D(8, (3, 2), strides=(2, 1), padding="SAME", groups=2), F4),
        (lambda: L.Conv2D(5, 3, dilation_rate=(2, 3), data_format=FIRST), C4),
        (lambda: L.Conv2D(5, 3, dtype="mixed_bfloat16"), FREE4),
    ],
    "Conv3D": [(lambda: L.Conv3D(5, (1, 2, 3), strides=2), F5)],
    "Conv1DTranspose": [(lambda: L.Conv1DTranspose(5, 3, strides=2), F3)],
    "Conv2DTranspose": [
        (lambda: L.Conv2DTranspose(5, 3, strides=2, padding="same"), F4),
        (lambda: L.Conv2DTranspose(5, (3, 2), strides=2, output_padding=1), F4),
        (lambda: L.Conv2DTranspose(5, 3, strides=(3, 2), padding="same", output_padding=(1, 0), use_bias=False), F4),
        (lambda: L.Conv2DTranspose(5, 2, strides=3), FREE4),
        (lambda: L.Conv2DTranspose(5, 3, dilation_rate=2, data_format=FIRST), C4),
    ],
    "Conv3DTranspose": [(lambda: L.Conv3DTranspose(5, 3), F5)],
    "ConvLSTM1D": [(lambda: L.ConvLSTM1D(3, 2), ((None, 5, 7, 4), "float32"))],
    "ConvLSTM2D": [
        (lambda: L.ConvLSTM2D(3, 2, return_sequences=True, return_state=True, padding="same"), F5),
        (lambda: L.ConvLSTM2D(3, (2, 3), strides=2, data_format=FIRST), ((None, 5, 4, 9, 10), "float32")),
    ],
    "ConvLSTM3D": [(lambda: L.ConvLSTM3D(3, 2, use_bias=False), ((None, 3, 5, 6, 7, 2), "float32"))],
    "Cropping1D": [(lambda: L.Cropping1D((1, 2)), F3), (lambda: L.Cropping1D(2), FREE3)],
    "Cropping2D": [
        (lambda: L.Cropping2D(2), F4),
        (lambda: L.Cropping2D(((1, 2), (3, 0))), F4),
        (lambda: L.Cropping2D((1, 2), data_format=FIRST), C4),
    ],
    "Cropping3D": [(lambda: L.Cropping3D(1), F5), (lambda: L.Cropping3D(((1, 2), (0, 1), (2, 2))), F5)],
    "CutMix": [(lambda: L.CutMix(), ((None, 8, 8, 3), "float32"))],
    "Dense": [
        (lambda: L.Dense(5), F2),
        (lambda: L.Dense(5, use_bias=False), F4),
        (lambda: L.Dense(5, dtype="mixed_float16"), F3),
        (lambda: L.Dense(5), INT3),
        (lambda: L.Dense(5, dtype="float64"), HALF3),
        (lambda: L.Dense(5, lora_rank=2), F2),
        (lambda: L.Dense(5, dtype="int8_from_float32"), F2),
        (lambda: L.Dense(5, dtype="float8_from_float32"), F2),
        (lambda: L.Dense(5, dtype="int8_from_mixed_bfloat16", use_bias=False), F2),
    ],
    "DepthwiseConv1D": [(lambda: L.DepthwiseConv1D(3, depth_multiplier=2), F3)],
    "DepthwiseConv2D": [
        (lambda: L.DepthwiseConv2D(3, strides=2, padding="same"), F4),
        (lambda: L.DepthwiseConv2D(3, depth_multiplier=3, data_format=FIRST, use_bias=False), C4),
    ],
    "Discretization": [
        (lambda: L.Discretization([0.0, 1.0]), F2),
        (lambda: L.Discretization([0.0, 1.0], output_mode="one_hot"), F2),
        (lambda: L.Discretization([0.0, 1.0], output_mode="multi_hot"), F3),
        (lambda: L.Discretization(num_bins=4, output_mode="count"), F2),
    ],
    "Dot": [
        (lambda: L.Dot(axes=-1), [F2, F2]),
        (lambda: L.Dot(axes=(2, 1)), [F3, ((None, 6, 3), "float32")]),
        (lambda: L.Dot(axes=2), [F3, F3]),
    ],
    "Dropout": [(lambda: L.Dropout(0.1), F3), (lambda: L.Dropout(0.1, dtype="float16"), F3)],
    "ELU": [(lambda: L.ELU(), F3)],
    "EinsumDense": [
        (lambda: L.EinsumDense("ab,bc->ac", 5, bias_axes="c"), F2),
        (lambda: L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"), F3),
        (lambda: L.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="de"), FREE3),
        (lambda: L.EinsumDense("abcd,cde->abe", (None, 5)), ((None, 7, 2, 3), "float32")),
        (lambda: L.EinsumDense("...x,xy->...y", 5, bias_axes="y"), F3),
        (lambda: L.EinsumDense("abc,bd->adc", (5, None), bias_axes="d"), F3),
        (lambda: L.EinsumDense("abc,cd->abd", (None, 5), lora_rank=2), F3),
        (lambda: L.EinsumDense("ab...,bc->ac...", 5, bias_axes="c"), F4),
        (lambda: L.EinsumDense("...x,xy->...y", 5), ((2, 3, 4, 5, 6), "float32")),
    ],
    "Embedding": [
        (lambda: L.Embedding(9, 4), INT2),
        (lambda: L.Embedding(9, 4, lora_rank=2), ((None,), "int32")),
        (lambda: L.Embedding(9, 4, dtype="mixed_float16"), F2),
        (lambda: L.Embedding(9, 4, dtype="int8_from_float32"), INT2),
    ],
    "Flatten": [
        (lambda: L.Flatten(), F4),
        (lambda: L.Flatten(), FREE4),
        (lambda: L.Flatten(), ((None,), "int32")),
        (lambda: L.Flatten(data_format=FIRST), INT3),
        (lambda: L.Flatten(), HALF3),
    ],
    "GRU": [
        (lambda: L.GRU(3), F3),
        (lambda: L.GRU(3, return_sequences=True, return_state=True, reset_after=False), FREE3),
    ],
    "GaussianDropout": [(lambda: L.GaussianDropout(0.1), F3)],
    "GaussianNoise": [(lambda: L.GaussianNoise(0.1), F3)],
    "GlobalAveragePooling1D": [(lambda: L.GlobalAveragePooling1D(), FREE3)],
    "GlobalAveragePooling2D": [(lambda: L.GlobalAveragePooling2D(keepdims=True), F4)],
    "GlobalAveragePooling3D": [(lambda: L.GlobalAveragePooling3D(data_format=FIRST, keepdims=True), C5)],
    "GlobalMaxPooling1D": [(lambda: L.GlobalMaxPooling1D(data_format=FIRST), C3)],
    "GlobalMaxPooling2D": [(lambda: L.GlobalMaxPooling2D(), F4)],
    "GlobalMaxPooling3D": [(lambda: L.GlobalMaxPooling3D(), F5)],
    "GroupNormalization": [
        (lambda: L.GroupNormalization(2), F4),
        (lambda: L.GroupNormalization(-1, axis=1, center=False), C4),
    ],
    "GroupQueryAttention": [
        (lambda: lambda q, v: L.GroupQueryAttention(4, 6, 2)(q, v), F3, ((None, 5, 6), "float32")),
        (
            lambda: lambda q, v: L.GroupQueryAttention(4, 6, 2)(q, v, return_attention_scores=True),
            F3,
            ((None, 5, 6), "float32"),
        ),
    ],
    "HashedCrossing": [
        (lambda: lambda a, b: L.HashedCrossing(5)((a, b)), TEXT, TEXT),
        (lambda: lambda a, b: L.HashedCrossing(5, output_mode="one_hot")((a, b)), TEXT, TEXT),
    ],
    "Hashing": [
        (lambda: L.Hashing(5), TEXT),
        (lambda: L.Hashing(5, output_mode="multi_hot"), ((None, 3), "string")),
    ],
    "Identity": [(lambda: L.Identity(), INT3), (lambda: L.Identity(), HALF3)],
    "IntegerLookup": [
        (lambda: L.IntegerLookup(vocabulary=[1, 2, 3]), ((None, 3), "int64")),
        (lambda: L.IntegerLookup(vocabulary=[1, 2], output_mode="multi_hot"), ((None, 3), "int64")),
        (lambda: L.IntegerLookup(max_tokens=9, pad_to_max_tokens=True, output_mode="one_hot"), ((None, 1), "int64")),
    ],
    "LSTM": [
        (lambda: L.LSTM(3), F3),
        (lambda: L.LSTM(3, return_sequences=True), FREE3),
        (lambda: L.LSTM(3, return_state=True, use_bias=False), F3),
        (lambda: L.LSTM(3, return_state=True, return_sequences=True, dtype="mixed_float16"), F3),
        (
            lambda: lambda x, h, c: L.LSTM(3)(x, initial_state=[h, c]),
            F3,
            ((None, 3), "float32"),
            ((None, 3), "float32"),
        ),
    ],
    "Lambda": [(lambda: L.Lambda(lambda x: x[:, :3], output_shape=(3,)), F2)],
    "LayerNormalization": [
        (lambda: L.LayerNormalization(), F3),
        (lambda: L.LayerNormalization(axis=(1, 2), scale=False), F3),
        (lambda: L.LayerNormalization(rms_scaling=True, dtype="mixed_float16"), F3),
    ],
    "LeakyReLU": [(lambda: L.LeakyReLU(), F3)],
    "Masking": [(lambda: L.Masking(), F3)],
    "MaxNumBoundingBoxes": [(lambda: L.MaxNumBoundingBoxes(5), F4)],
    "MaxPooling1D": [(lambda: L.MaxPooling1D(2), F3), (lambda: L.MaxPooling1D(2, 1, "same"), FREE3)],
    "MaxPooling2D": [(lambda: L.MaxPooling2D(), F4), (lambda: L.MaxPooling2D((3, 2), 2, "same", FIRST), C4)],
    "MaxPooling3D": [(lambda: L.MaxPooling3D((1, 2, 3)), F5)],
    "Maximum": [(lambda: L.Maximum(), [F2, F2])],
    "MelSpectrogram": [(lambda: L.MelSpectrogram(), ((None, 16000), "float32"))],
    "Minimum": [(lambda: L.Minimum(), [F2, ((None, 1), "float32")])],
    "MixUp": [(lambda: L.MixUp(), ((None, 8, 8, 3), "float32"))],
    "MultiHeadAttention": [
        (lambda: lambda q, v: L.MultiHeadAttention(2, 3)(q, v), F3, ((None, 5, 4), "float32")),
        (
            lambda: lambda q, v: L.MultiHeadAttention(2, 3, output_shape=8)(q, value=v, key=v),
            F3,
            ((None, 5, 4), "float32"),
        ),
        (lambda: lambda q: L.MultiHeadAttention(2, 3, dtype="mixed_float16")(q, q, return_attention_scores=True), F3),
    ],
    "Multiply": [(lambda: L.Multiply(), [F4, ((None, 1, 1, 4), "float32")])],
    "Normalization": [
        (lambda: L.Normalization(), F2),
        (lambda: L.Normalization(axis=None), F2),
        (lambda: L.Normalization(axis=(1, -1)), F3),
        (lambda: L.Normalization(mean=0.0, variance=1.0), F2),
    ],
    "PReLU": [(lambda: L.PReLU(), F2), (lambda: L.PReLU(shared_axes=[1, 2]), FREE4)],
    "Permute": [(lambda: L.Permute((3, 1, 2)), F4), (lambda: L.Permute((2, 1)), INT3)],
    "Pipeline": [(lambda: L.Pipeline([L.Resizing(5, 6), L.Rescaling(0.5)]), F4)],
    "RMSNormalization": [(lambda: L.RMSNormalization(), F3), (lambda: L.RMSNormalization(axis=(1, 2)), F3)],
    "RNN": [
        (lambda: L.RNN(L.LSTMCell(3), return_sequences=True), F3),
        (lambda: L.RNN([L.LSTMCell(3), L.GRUCell(4)]), FREE3),
        (lambda: L.RNN(L.GRUCell(3), return_state=True), F3),
    ],
    "RandAugment": [(lambda: L.RandAugment(), ((None, 8, 8, 3), "float32"))],
    "RandomBrightness": [(lambda: L.RandomBrightness(0.1), F4)],
    "RandomColorDegeneration": [(lambda: L.RandomColorDegeneration(0.1), ((None, 8, 8, 3), "float32"))],
    "RandomColorJitter": [(lambda: L.RandomColorJitter(brightness_factor=0.1), ((None, 8, 8, 3), "float32"))],
    "RandomContrast": [(lambda: L.RandomContrast(0.1), F4)],
    "RandomCrop": [(lambda: L.RandomCrop(5, 6), F4)],
    "RandomElasticTransform": [(lambda: L.RandomElasticTransform(), F4)],
    "RandomErasing": [(lambda: L.RandomErasing(), F4)],
    "RandomFlip": [(lambda: L.RandomFlip(), ((None, 8, 8, 3), "uint8"))],
    "RandomGaussianBlur": [(lambda: L.RandomGaussianBlur(), F4)],
    "RandomGrayscale": [(lambda: L.RandomGrayscale(), ((None, 8, 8, 3), "uint8"))],
    "RandomHue": [(lambda: L.RandomHue(0.1), ((None, 8, 8, 3), "float32"))],
    "RandomInvert": [(lambda: L.RandomInvert(), F4)],
    "RandomPerspective": [(lambda: L.RandomPerspective(), F4)],
    "RandomPosterization": [(lambda: L.RandomPosterization(4), F4)],
    "RandomRotation": [(lambda: L.RandomRotation(0.1), F4)],
    "RandomSaturation": [(lambda: L.RandomSaturation(0.5), ((None, 8, 8, 3), "float32"))],
    "RandomSharpness": [(lambda: L.RandomSharpness(0.5), F4)],
    "RandomShear": [(lambda: L.RandomShear(), F4)],
    "RandomTranslation": [(lambda: L.RandomTranslation(0.1, 0.1), F4)],
    "RandomZoom": [(lambda: L.RandomZoom(0.1), F4)],
    "ReLU": [(lambda: L.ReLU(), F3)],
    "RepeatVector": [(lambda: L.RepeatVector(5), F2), (lambda: L.RepeatVector(5), ((None, 6), "int32"))],
    "Rescaling": [(lambda: L.Rescaling(0.5), ((None, 8, 8, 3), "uint8"))],
    "Reshape": [
        (lambda: L.Reshape((3, -1)), F2),
        (lambda: L.Reshape((42,)), INT3),
        (lambda: L.Reshape((-1, 6)), FREE3),
    ],
    "Resizing": [
        (lambda: L.Resizing(5, 6), F4),
        (lambda: L.Resizing(5, 6, data_format=FIRST), C4),
        (lambda: L.Resizing(5, 6), ((8, 8, 3), "uint8")),
    ],
    "ReversibleEmbedding": [
        (lambda: L.ReversibleEmbedding(9, 4), INT2),
        (lambda: L.ReversibleEmbedding(9, 4, tie_weights=False), INT2),
        (lambda: lambda x: L.ReversibleEmbedding(9, 6)(x, reverse=True), F3),
    ],
    "STFTSpectrogram": [
        (lambda: L.STFTSpectrogram(window=None), ((None, 1000, 2), "float32")),
        (
            lambda: L.STFTSpectrogram("real", 64, 16, 128, None, padding="same", expand_dims=True),
            ((None, None, 2), "float32"),
        ),
        (lambda: L.STFTSpectrogram("stft", 100, window=None, data_format=FIRST), ((None, 2, 1000), "float32")),
    ],
    "SeparableConv1D": [(lambda: L.SeparableConv1D(5, 3, depth_multiplier=2), F3)],
    "SeparableConv2D": [(lambda: L.SeparableConv2D(5, 3, 2, "same", use_bias=False), F4)],
    "SimpleRNN": [(lambda: L.SimpleRNN(3, return_state=True), F3), (lambda: L.SimpleRNN(3), ((2, 7, 6), "int32"))],
    "Softmax": [(lambda: L.Softmax(), F3)],
    "Solarization": [(lambda: L.Solarization(), F4)],
    "SpatialDropout1D": [(lambda: L.SpatialDropout1D(0.1), F3)],
    "SpatialDropout2D": [(lambda: L.SpatialDropout2D(0.1), F4)],
    "SpatialDropout3D": [(lambda: L.SpatialDropout3D(0.1), F5)],
    "SpectralNormalization": [
        (lambda: L.SpectralNormalization(L.Dense(5)), F2),
        (lambda: L.SpectralNormalization(L.Conv2D(5, 3)), F4),
        (lambda: L.SpectralNormalization(L.Embedding(9, 4)), INT2),
    ],
    "StringLookup": [
        (lambda: L.StringLookup(vocabulary=["a", "b"]), TEXT),
        (lambda: L.StringLookup(vocabulary=["a", "b"], output_mode="one_hot"), TEXT),
    ],
    "Subtract": [(lambda: L.Subtract(), [F2, F2])],
    "TextVectorization": [
        (lambda: L.TextVectorization(vocabulary=["a", "b"]), TEXT),
        (lambda: L.TextVectorization(output_sequence_length=4), ((None,), "string")),
        (lambda: L.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot"), TEXT),
        (lambda: L.TextVectorization(max_tokens=9, pad_to_max_tokens=True, output_mode="count", split=None), TEXT),
    ],
    "TimeDistributed": [
        (lambda: L.TimeDistributed(L.Dense(3)), F3),
        (lambda: L.TimeDistributed(L.Conv2D(3, 2)), F5),
        (lambda: L.TimeDistributed(keras.Sequential([keras.Input((6,)), L.Dense(3), L.Reshape((3, 1))])), F3),
        (lambda: L.TimeDistributed(L.LSTM(3)), ((None, 5, 7, 6), "float32")),
    ],
    "UnitNormalization": [(lambda: L.UnitNormalization(), F3)],
    "UpSampling1D": [(lambda: L.UpSampling1D(3), F3)],
    "UpSampling2D": [
        (lambda: L.UpSampling2D(), FREE4),
        (lambda: L.UpSampling2D((2, 3), data_format=FIRST, interpolation="bilinear"), C4),
    ],
    "UpSampling3D": [(lambda: L.UpSampling3D((1, 2, 3)), F5)],
    "ZeroPadding1D": [(lambda: L.ZeroPadding1D((1, 2)), F3)],
    "ZeroPadding2D": [
        (lambda: L.ZeroPadding2D(2), F4),
        (lambda: L.ZeroPadding2D((1, 2)), FREE4),
        (lambda: L.ZeroPadding2D(((1, 2), (3, 0)), data_format=FIRST), C4),
    ],
    "ZeroPadding3D": [(lambda: L.ZeroPadding3D(1), F5), (lambda: L.ZeroPadding3D(((1, 2), (0, 1), (2, 2))), F5)],
}
ALL = [(name, index) for name, cases in CASES.items() for index in range(len(cases))]


def model_of(name: str, index: int) -> keras.Model:
    make, *specs = CASES[name][index]
    layer = make()
    if len(specs) == 1 and isinstance(specs[0], list):
        return build(lambda *tensors: layer(list(tensors)), *specs[0])
    return build(layer, *specs)


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("name, index", ALL)
def test_outputs_are_what_keras_declares(name, index):
    assert name in compare(model_of(name, index))


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("name, index", ALL)
def test_slots_are_the_variables_of_the_layer(name, index):
    stack = [read_live(model_of(name, index)).root]
    while stack:
        layer = stack.pop()
        if layer.is_operation or layer.class_name == "Pipeline":
            continue
        stack += [*layer.children.values(), *(layer.body.layers if layer.body else ())]
        found = slots(layer)
        assert found is not None, layer.class_name
        assert [slot.name for slot in found] == [variable.slot for variable in layer.variables]
        assert [slot.trainable for slot in found] == [variable.trainable for variable in layer.variables]
        for slot, variable in zip(found, layer.variables, strict=True):
            assert slot.shape in (None, variable.shape), slot
            if layer.build_shape is not None and not slot.name.endswith("amax_history"):
                assert slot.shape == variable.shape, (layer.class_name, slot)


def test_layers_of_the_applications():
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    for model in (build(LayerScale(1e-6, 4), F4), build(lambda a, b: CustomScaleLayer(0.1)([a, b]), F4, FREE4)):
        compare(model)
        check_slots(model)


QUANTIZED = {
    "Dense": (lambda **kwargs: L.Dense(5, **kwargs), F2),
    "EinsumDense": (lambda **kwargs: L.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="de", **kwargs), F3),
    "EinsumDense to one": (
        lambda **kwargs: L.EinsumDense("abcd,cde->abe", (None, 5), **kwargs),
        ((2, 7, 2, 3), "float32"),
    ),
    "Embedding": (lambda **kwargs: L.Embedding(9, 4, **kwargs), INT2),
    "ReversibleEmbedding": (lambda **kwargs: L.ReversibleEmbedding(9, 4, **kwargs), INT2),
    "untied": (lambda **kwargs: L.ReversibleEmbedding(9, 4, tie_weights=False, **kwargs), INT2),
}
POLICIES = ["int8_from_float32", "int4/-1_from_float32", "int4/2_from_float32", "float8_from_float32"]
CALIBRATED = ["gptq/4/2_from_float32", "gptq/8/-1_from_float32", "awq/4/2_from_float32"]


@pytest.mark.parametrize("lora", [None, 2])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", QUANTIZED)
def test_slots_of_quantized_layers(name, policy, lora):
    make, spec = QUANTIZED[name]
    if (policy.startswith("float8") and "mbedding" in make().name) or (name == "untied" and lora):
        return  # Keras cannot quantize these
    layer = make(lora_rank=lora)
    model = build(layer, spec)
    layer.quantize(policy.partition("_from_")[0].partition("/")[0], config=configuration(policy))
    check_slots(model)


def configuration(policy: str) -> object:
    mode, _, size = policy.partition("_from_")[0].partition("/")
    kinds = {"int8": "Int8QuantizationConfig", "int4": "Int4QuantizationConfig", "float8": "Float8QuantizationConfig"}
    return getattr(keras.quantizers, kinds[mode])(**({"block_size": int(size)} if size else {}))


@pytest.mark.parametrize("policy", CALIBRATED)
@pytest.mark.parametrize("name", ["Dense", "EinsumDense"])
def test_slots_of_calibrated_layers(name, policy):
    make, spec = QUANTIZED[name]
    check_slots(build(make(dtype=policy), spec))


def check_slots(model: keras.Model) -> None:
    layer = next(layer for layer in read_live(model).root.body.layers if layer.class_name != "InputLayer")
    found = slots(layer)
    assert found is not None
    assert [slot.name for slot in found] == [variable.slot for variable in layer.variables]
    for slot, variable in zip(found, layer.variables, strict=True):
        assert slot.trainable == variable.trainable
        assert slot.shape == variable.shape or (slot.shape is None and slot.name.endswith(("history", "_scale")))


NOT_INFERRED = {
    "InputLayer": "declares its output: readers take it from the configuration",
    "InputSpec": "no layer",
    "JaxLayer": "wraps a function",
    "FlaxLayer": "wraps a module of another library",
    "TFSMLayer": "wraps a SavedModel",
    "TorchModuleWrapper": "wraps a module of another library",
    "Layer": "abstract",
    "Wrapper": "abstract",
}


def test_every_layer_is_inferred_or_listed():
    found = {class_identity(cls)[0] for cls in vars(layers).values() if inspect.isclass(cls)}
    cells = {"LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"}  # inside RNN
    assert found - set(CASES) - cells - {"Equalization"} == set(NOT_INFERRED)
    assert set(CASES) | cells | {"Equalization"} <= set(LAYERS)


def test_equalization_returns_its_input():
    # Keras returns the very tensor it receives, which no model can hold.
    for dtype in ("uint8", "float16"):
        declared = layers.Equalization().compute_output_spec(keras.KerasTensor((None, 8, 8, 3), "float32"))
        found = infer(defined("Equalization"), (TensorSpec((None, 8, 8, 3), dtype),), {})
        assert found == (TensorSpec(declared.shape, "uint8" if dtype == "uint8" else declared.dtype),)


# -- arithmetic -------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    length=st.one_of(st.none(), st.integers(1, 40)),
    size=st.integers(1, 7),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
    kind=st.sampled_from(["Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "MaxPooling1D", "AveragePooling1D"]),
)
def test_window_arithmetic_is_that_of_keras(length, size, stride, dilation, padding, kind):
    shape = (None, length, 3)
    if "Pooling" in kind:
        config = {"pool_size": [size], "strides": [stride], "padding": padding}
    else:
        dilation = dilation if stride == 1 else 1
        config = {"kernel_size": [size], "strides": [stride], "padding": padding, "dilation_rate": [dilation]}
        config["depth_multiplier" if kind == "DepthwiseConv1D" else "filters"] = 2
    layer = getattr(layers, kind).from_config(dict(config))
    definition = LayerDefinition("layer", kind, "keras.layers", config=config)
    try:
        expected = tuple(layer.compute_output_shape(shape))
    except ValueError:
        with pytest.raises(ShapeError):
            infer(definition, (TensorSpec(shape, "float32"),), {})
    else:
        assert infer(definition, (TensorSpec(shape, "float32"),), {}) == (TensorSpec(expected, "float32"),)


# -- conflicts --------------------------------------------------------------------------------------------------


def spec(*shape, dtype="float32"):
    return TensorSpec(shape, dtype)


def defined(class_name, build_shape=None, **config):
    return LayerDefinition("layer", class_name, "keras.layers", config=config, build_shape=build_shape)


CONFLICTS = {
    "dense features": (defined("Dense", [None, 5], units=2), (spec(None, 6),)),
    "conv channels": (defined("Conv2D", [None, 8, 8, 3], filters=2, kernel_size=[3, 3]), (spec(None, 8, 8, 4),)),
    "conv rank": (defined("Conv2D", filters=2, kernel_size=[3, 3]), (spec(None, 8, 3),)),
    "conv extent": (defined("Conv2D", filters=2, kernel_size=[9, 9]), (spec(None, 8, 8, 4),)),
    "conv groups": (defined("Conv1D", filters=2, kernel_size=[3], groups=2), (spec(None, 8, 3),)),
    "pooling extent": (defined("MaxPooling1D", pool_size=[9]), (spec(None, 8, 3),)),
    "concatenate": (defined("Concatenate", axis=-1), ([spec(None, 3, 4), spec(None, 2, 4)],)),
    "concatenate ranks": (defined("Concatenate", axis=-1), ([spec(None, 3, 4), spec(None, 4)],)),
    "merge": (defined("Add"), ([spec(None, 3), spec(None, 4)],)),
    "merge batches": (defined("Add"), ([spec(2, 3), spec(4, 3)],)),
    "dot": (defined("Dot", axes=-1), ([spec(None, 3), spec(None, 4)],)),
    "reshape": (defined("Reshape", target_shape=[5, -1]), (spec(None, 4, 4),)),
    "permute": (defined("Permute", dims=[2, 1]), (spec(None, 4),)),
    "cropping": (defined("Cropping1D", cropping=[2, 2]), (spec(None, 4, 2),)),
    "recurrent rank": (defined("LSTM", units=2), (spec(None, 4),)),
    "recurrent features": (defined("GRU", [None, None, 3], units=2), (spec(None, 4, 5),)),
    "normalization": (defined("BatchNormalization", [None, 4], axis=-1), (spec(None, 5),)),
    "axis": (defined("BatchNormalization", axis=3), (spec(None, 5),)),
    "einsum rank": (defined("EinsumDense", equation="abc,cd->abd", output_shape=[None, 2]), (spec(None, 5),)),
    "attention": (defined("Attention"), ([spec(None, 5, 3), spec(None, 5, 4)],)),
    "time": (defined("TimeDistributed", layer={"class_name": "Dense", "config": {"units": 2}}), (spec(None, 5),)),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_certain_conflicts_are_raised_in_one_line(name):
    layer, args = CONFLICTS[name]
    with pytest.raises(ShapeError, match=r"^got .*, expected .*$") as raised:
        infer(layer, args, {})
    assert "\n" not in str(raised.value)


# -- other dialects, and what is no layer of Keras ---------------------------------------------------------------


@pytest.mark.parametrize("module", [None, "keras.layers", "keras.src.layers.core.dense", "tensorflow.keras.layers"])
@pytest.mark.parametrize("dtype", ["float32", None, "mixed_float16"])
def test_old_dialects(module, dtype):
    layer = LayerDefinition(
        "d", "Dense", module, config={"units": 3, "batch_input_shape": [None, 4]}, dtype_policy=dtype
    )
    expected = "float16" if dtype == "mixed_float16" else "float32"
    assert infer(layer, (spec(None, 4),), {}) == (spec(None, 3, dtype=expected),)


def test_layers_of_old_files_lack_defaults():
    conv = defined("Conv2D", filters=2, kernel_size=[3, 3])
    assert infer(conv, (spec(None, 8, 8, 3),), {}) == (spec(None, 6, 6, 2),)
    pool = defined("MaxPooling2D", pool_size=[2, 2])
    assert infer(pool, (spec(None, 8, 8, 3),), {}) == (spec(None, 4, 4, 3),)


@pytest.mark.parametrize(
    "module, registered",
    [("my_package.layers", None), (None, "Custom>Dense"), (None, "Dense"), ("keras_hub.layers", None)],
)
def test_custom_classes_are_not_taken_for_those_of_keras(module, registered):
    layer = LayerDefinition("d", "Dense", module, registered_name=registered, config={"units": 3})
    assert infer(layer, (spec(None, 4),), {}) is None
    assert slots(layer) is None


def test_what_is_not_known_is_not_inferred():
    assert infer(defined("NoSuchLayer"), (spec(None, 4),), {}) is None
    assert infer(defined("Dense", units=3), (TensorSpec(None, None),), {}) is None
    assert infer(defined("Dense", units=3), (), {}) is None


KEYS = """
units filters kernel_size strides padding data_format dilation_rate depth_multiplier groups pool_size size axis axes
target_shape dims cropping n output_dim input_dim output_shape equation layer cell cells height width num_tokens
output_size frame_length sequence_stride num_mel_bins bin_boundaries num_heads merge_mode layers
"""


@pytest.mark.parametrize("value", [None, "3", [1, [2]], {"a": 1}, 2.5, True, -1, [], 10**40])
@pytest.mark.parametrize("class_name", sorted(LAYERS))
def test_broken_configurations_are_survived(class_name, value):
    layer = defined(class_name, **dict.fromkeys(KEYS.split(), value))
    for args in [(spec(None, 8, 6),), ([spec(None, 8, 6), spec(None, 8, 6)],), (spec(None, 8, 6), spec(None, 8, 6))]:
        for build_shape in (None, [None, 8, 6], value):
            layer.build_shape = build_shape
            try:
                found = infer(layer, args, {})
            except ShapeError:
                continue
            assert found is None or all(isinstance(one, TensorSpec) for one in found)
            slots(layer)


def test_absurd_numbers_cost_nothing():
    assert infer(defined("Dense", units=10**12), (spec(None, 4),), {}) == (spec(None, 10**12),)
    split = LayerDefinition(
        "s", "Split", "keras.src.ops.numpy", config={"indices_or_sections": 10**12}, is_operation=True
    )
    assert infer(split, (spec(10**12),), {}) is None
    unstack = LayerDefinition("s", "Unstack", "keras.src.ops.core", config={"num": 10**12}, is_operation=True)
    assert infer(unstack, (spec(10**12),), {}) is None


def test_shapes_do_not_grow_without_bounds():
    tensor = spec(7, 7)
    square = LayerDefinition("t", "Tensordot", "keras.src.ops.numpy", config={"axes": 0}, is_operation=True)
    outer = LayerDefinition("t", "Outer", "keras.src.ops.numpy", is_operation=True)
    for layer in (square, outer):
        found = (tensor,)
        for _ in itertools.repeat(None, 100):
            found = infer(layer, (found[0], found[0]), {})
            if found is None:
                break
        assert found is None
