"""Attention over patches, words and both."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from tests.models.classification import conv_bn
from tests.models.registry import architecture


@architecture
def vision_transformer() -> keras.Model:
    """keras.io ViT: patches by strided convolution, learned positions, pre-norm blocks, MLP head."""

    @keras.saving.register_keras_serializable("architectures")
    class PatchEncoder(layers.Layer):
        def __init__(self, patches, dim, **kwargs):
            super().__init__(**kwargs)
            self.patches, self.dim = patches, dim
            self.projection = layers.Dense(dim)
            self.position = layers.Embedding(patches, dim)

        def build(self, shape):
            self.projection.build(shape)
            self.position.build(None)

        def call(self, patch):
            return self.projection(patch) + self.position(ops.expand_dims(ops.arange(0, self.patches), 0))

        def get_config(self):
            return {**super().get_config(), "patches": self.patches, "dim": self.dim}

    inputs = keras.Input((32, 32, 3))
    augmented = keras.Sequential(
        [layers.Normalization(), layers.Resizing(32, 32), layers.RandomFlip("horizontal"), layers.RandomZoom(0.2, 0.2)]
    )(inputs)
    x = layers.Conv2D(12, 8, strides=8)(augmented)
    x = layers.Reshape((16, 12))(x)
    x = PatchEncoder(16, 16)(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.MultiHeadAttention(num_heads=2, key_dim=8, dropout=0.1)(y, y)
        x = layers.Add()([y, x])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dropout(0.1)(layers.Dense(32, activation=keras.activations.gelu)(y))
        y = layers.Dropout(0.1)(layers.Dense(16, activation=keras.activations.gelu)(y))
        x = layers.Add()([y, x])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    for units in (32, 16):
        x = layers.Dropout(0.5)(layers.Dense(units, activation=keras.activations.gelu)(x))
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(), keras.metrics.SparseTopKCategoricalAccuracy(5)],
    )
    return model


@keras.saving.register_keras_serializable("architectures")
class TokensAndPositions(layers.Layer):
    """keras.io: token and position embedding."""

    def __init__(self, length, vocabulary, dim, **kwargs):
        super().__init__(**kwargs)
        self.sizes = length, vocabulary, dim
        self.tokens = layers.Embedding(vocabulary, dim)
        self.positions = layers.Embedding(length, dim)

    def build(self, shape):
        self.tokens.build(shape)
        self.positions.build(None)

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(0, ops.shape(x)[-1], 1))

    def get_config(self):
        length, vocabulary, dim = self.sizes
        return {**super().get_config(), "length": length, "vocabulary": vocabulary, "dim": dim}


@architecture
def text_transformer() -> keras.Model:
    inputs = keras.Input((20,))
    x = TokensAndPositions(20, 100, 16)(inputs)
    y = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 16)(x, x))
    x = layers.LayerNormalization(epsilon=1e-6)(x + y)
    y = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(16)])(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x + layers.Dropout(0.1)(y))
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def gpt() -> keras.Model:
    """Decoder only: causal attention, positions by ops, output tied to the embedding through its transpose."""
    inputs = keras.Input((16,), dtype="int32")
    tokens = layers.Embedding(50, 16)(inputs)
    positions = layers.Embedding(16, 16)(ops.arange(16))
    x = tokens + positions
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, 8)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(64, activation="gelu")(y))
    x = layers.LayerNormalization()(x)
    model = keras.Model(inputs, layers.Dense(50, use_bias=False)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@architecture
def bert_masked_language_model() -> keras.Model:
    """Three inputs, post-norm, a padding mask passed by hand, a language and a sentence head."""
    ids = keras.Input((16,), dtype="int32", name="token_ids")
    segments = keras.Input((16,), dtype="int32", name="segment_ids")
    padding = keras.Input((16,), dtype="int32", name="padding_mask")
    x = layers.Embedding(50, 16)(ids) + layers.Embedding(2, 16)(segments)
    x = layers.Dropout(0.1)(layers.LayerNormalization()(x))
    mask = ops.expand_dims(padding, 1)
    for _ in range(2):
        y = layers.MultiHeadAttention(2, 8, dropout=0.1)(x, x, attention_mask=mask)
        x = layers.LayerNormalization()(x + y)
        y = layers.Dropout(0.1)(layers.Dense(16)(layers.Dense(32, activation="gelu")(x)))
        x = layers.LayerNormalization()(x + y)
    y = layers.LayerNormalization()(layers.Dense(16, activation="gelu")(x))
    language = layers.Dense(50, activation="softmax", name="language")(y)
    pooled = layers.Dense(16, activation="tanh", name="pooler")(x[:, 0, :])
    sentence = layers.Dense(2, activation="softmax", name="sentence")(pooled)
    model = keras.Model([ids, segments, padding], [language, sentence])
    model.compile("adamw", ["sparse_categorical_crossentropy", "sparse_categorical_crossentropy"])
    return model


@architecture
def translation_transformer() -> keras.Model:
    """keras.io: encoder and decoder with cross attention."""
    source = keras.Input((None,), dtype="int64", name="encoder_inputs")
    target = keras.Input((None,), dtype="int64", name="decoder_inputs")
    x = TokensAndPositions(20, 50, 16)(source)
    y = layers.MultiHeadAttention(2, 16)(x, x)
    x = layers.LayerNormalization()(x + y)
    encoded = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="relu")(x)))
    x = TokensAndPositions(20, 50, 16)(target)
    y = layers.MultiHeadAttention(2, 16)(query=x, value=x, key=x, use_causal_mask=True)
    x = layers.LayerNormalization()(x + y)
    y = layers.MultiHeadAttention(2, 16)(query=x, value=encoded, key=encoded)
    x = layers.LayerNormalization()(x + y)
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="relu")(x)))
    x = layers.Dropout(0.5)(x)
    model = keras.Model([source, target], layers.Dense(50, activation="softmax")(x))
    model.compile("rmsprop", keras.losses.SparseCategoricalCrossentropy(ignore_class=0), metrics=["accuracy"])
    return model


@architecture
def llama_like() -> keras.Model:
    """RMSNormalization, grouped-query attention, SwiGLU: a gate and a linear branch multiplied, then a linear layer."""
    inputs = keras.Input((12,), dtype="int32")
    embedding = layers.ReversibleEmbedding(40, 16, tie_weights=True)
    x = embedding(inputs)
    for _ in range(2):
        y = layers.RMSNormalization()(x)
        y = layers.GroupQueryAttention(8, 4, 2)(y, y, use_causal_mask=True)
        x = layers.Add()([x, y])
        y = layers.RMSNormalization()(x)
        gate = layers.Dense(32, activation="silu", use_bias=False)(y)
        up = layers.Dense(32, use_bias=False)(y)
        x = layers.Add()([x, layers.Dense(16, use_bias=False)(layers.Multiply()([gate, up]))])
    x = layers.RMSNormalization()(x)
    return keras.Model(inputs, embedding(x, reverse=True))


@architecture
def attention_by_hand() -> keras.Model:
    """Query, key and value projections, scores, softmax, weighted sum in plain operations; output projection."""
    inputs = keras.Input((10, 16))
    query, key, value = (layers.Dense(16)(inputs) for _ in range(3))
    scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / np.sqrt(16.0)
    x = ops.matmul(ops.softmax(scores), value)
    x = layers.Dense(16)(x)
    x = layers.LayerNormalization()(x + inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "mae")
    return model


@architecture
def mlp_mixer() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 8, 8)(inputs)
    x = layers.Reshape((-1, 16))(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.Permute((2, 1))(y)
        y = layers.Dense(16)(layers.Dropout(0.1)(layers.Dense(32, activation="gelu")(y)))
        x = x + layers.Permute((2, 1))(y)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(32, activation="gelu")(y))
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def gmlp() -> keras.Model:
    """A spatial gating unit: half of the channels projected over positions with bias one and a kernel near zero."""
    inputs = keras.Input((16, 8))
    x = inputs
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.Dense(16, activation="gelu")(y)
        u, v = ops.split(y, 2, axis=2)
        v = layers.LayerNormalization()(v)
        v = layers.Permute((2, 1))(v)
        v = layers.Dense(16, bias_initializer="ones")(v)
        v = layers.Permute((2, 1))(v)
        x = x + layers.Dense(8)(u * v)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def image_captioning() -> keras.Model:
    """A frozen image encoder, merged with an LSTM over a masked caption."""
    image = keras.Input((64,), name="features")
    a = layers.Dropout(0.5)(image)
    a = layers.Dense(16, activation="relu")(a)
    caption = keras.Input((12,), name="caption")
    b = layers.Embedding(50, 16, mask_zero=True)(caption)
    b = layers.Dropout(0.5)(b)
    b = layers.LSTM(16)(b)
    x = layers.add([a, b])
    x = layers.Dense(16, activation="relu")(x)
    model = keras.Model([image, caption], layers.Dense(50, activation="softmax")(x))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def two_tower_clip() -> keras.Model:
    """Image and text towers with projections: linear projection, gelu, linear, residual; similarity logits."""

    def project(x):
        projected = layers.Dense(16)(x)
        y = ops.gelu(projected)
        y = layers.Dropout(0.1)(layers.Dense(16)(y))
        return layers.LayerNormalization()(layers.Add()([projected, y]))

    image, text = keras.Input((32, 32, 3), name="image"), keras.Input((12,), dtype="int32", name="text")
    a = layers.GlobalAveragePooling2D()(conv_bn(image, 8, strides=2))
    b = layers.Bidirectional(layers.LSTM(8))(layers.Embedding(50, 8, mask_zero=True)(text))
    a, b = project(a), project(b)
    return keras.Model([image, text], ops.matmul(ops.normalize(a), ops.transpose(ops.normalize(b))) / 0.07)


@architecture
def perceiver() -> keras.Model:
    """Cross attention from a learned latent that comes from an Embedding of constant positions."""
    inputs = keras.Input((32, 8))
    latent = layers.Embedding(4, 8)(ops.arange(4))
    latent = ops.expand_dims(latent, 0)
    latent = latent + ops.zeros_like(inputs[:, :1, :])
    x = layers.MultiHeadAttention(2, 4)(latent, inputs)
    x = layers.LayerNormalization()(x + latent)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
