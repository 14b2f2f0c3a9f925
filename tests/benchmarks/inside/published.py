"""Architectures that people publish as custom layers and subclassed models, written again and built small.

Each is the idea of a public example (keras.io and others) in the style in which such examples are written: blocks as
`keras.Layer`, models as `keras.Model` with `call`. `MODELS` is name ->
a function that builds one and calls it once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

Build = Callable[[], keras.Model]
MODELS: dict[str, Build] = {}


def published(build: Build) -> Build:
    MODELS[build.__name__] = build
    return build


def called(model: keras.Model, *shapes: tuple[int, ...], dtype: str = "float32", **arguments: Any) -> keras.Model:
    """The model after one call on zeros of these shapes."""
    inputs = [np.zeros(shape, dtype) for shape in shapes]
    model(inputs[0] if len(inputs) == 1 else inputs, **arguments)
    return model


# -- attention and text -------------------------------------------------------------------------------------------


class TransformerBlock(layers.Layer):
    def __init__(self, dim: int, heads: int, hidden: int, rate: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(heads, dim // heads)
        self.feed_forward = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(dim)])
        self.norm_1 = layers.LayerNormalization(epsilon=1e-6)
        self.norm_2 = layers.LayerNormalization(epsilon=1e-6)
        self.drop_1 = layers.Dropout(rate)
        self.drop_2 = layers.Dropout(rate)

    def call(self, x: Any, training: bool | None = None) -> Any:
        attended = self.drop_1(self.attention(x, x), training=training)
        x = self.norm_1(x + attended)
        return self.norm_2(x + self.drop_2(self.feed_forward(x), training=training))


class TokenAndPosition(layers.Layer):
    def __init__(self, length: int, words: int, dim: int, mask: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.token = layers.Embedding(words, dim, mask_zero=mask)
        self.position = layers.Embedding(length, dim)

    def call(self, tokens: Any) -> Any:
        return self.token(tokens) + self.position(ops.arange(ops.shape(tokens)[-1]))

    def compute_mask(self, tokens: Any, mask: Any = None) -> Any:
        return self.token.compute_mask(tokens)


@published
def text_classifier_with_transformer() -> keras.Model:
    tokens = keras.Input((12,), dtype="int32")
    x = TokenAndPosition(12, 50, 16)(tokens)
    x = TransformerBlock(16, 2, 32)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(tokens, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class CausalBlock(layers.Layer):
    def __init__(self, dim: int, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(heads, dim)
        self.expand = layers.Dense(4 * dim, activation="gelu")
        self.contract = layers.Dense(dim)
        self.norm_1 = layers.LayerNormalization()
        self.norm_2 = layers.LayerNormalization()

    def call(self, x: Any) -> Any:
        length = ops.shape(x)[1]
        rows, columns = ops.arange(length)[:, None], ops.arange(length)
        causal = ops.cast(rows >= columns, "bool")[None]
        x = x + self.attention(self.norm_1(x), self.norm_1(x), attention_mask=causal)
        return x + self.contract(self.expand(self.norm_2(x)))


@published
def small_language_model() -> keras.Model:
    class LanguageModel(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = TokenAndPosition(10, 40, 16)
            self.blocks = [CausalBlock(16, 2) for _ in range(2)]
            self.norm = layers.LayerNormalization()
            self.head = layers.Dense(40)

        def call(self, tokens: Any) -> Any:
            x = self.embedding(tokens)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return called(LanguageModel(), (2, 10), dtype="int32")


@published
def tied_language_model() -> keras.Model:
    class Tied(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = layers.Embedding(40, 16)
            self.block = CausalBlock(16, 2)

        def call(self, tokens: Any) -> Any:
            x = self.block(self.embedding(tokens))
            return ops.matmul(x, ops.transpose(self.embedding.embeddings))

    return called(Tied(), (2, 10), dtype="int32")


@published
def translation_with_transformer() -> keras.Model:
    class Encoder(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking = True
            self.attention = layers.MultiHeadAttention(2, 8)
            self.dense = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(16)])
            self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]

        def call(self, x: Any, mask: Any = None) -> Any:
            padding = None if mask is None else ops.cast(mask[:, None, :], "int32")
            x = self.norms[0](x + self.attention(x, x, attention_mask=padding))
            return self.norms[1](x + self.dense(x))

    class Decoder(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking = True
            self.own = layers.MultiHeadAttention(2, 8)
            self.cross = layers.MultiHeadAttention(2, 8)
            self.dense = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(16)])
            self.norms = [layers.LayerNormalization() for _ in range(3)]

        def call(self, inputs: Any, mask: Any = None) -> Any:
            x, encoded = inputs
            x = self.norms[0](x + self.own(x, x, use_causal_mask=True))
            x = self.norms[1](x + self.cross(x, encoded))
            return self.norms[2](x + self.dense(x))

    source, target = keras.Input((8,), dtype="int32", name="source"), keras.Input((8,), dtype="int32", name="target")
    encoded = Encoder()(TokenAndPosition(8, 30, 16, mask=True)(source))
    decoded = Decoder()([TokenAndPosition(8, 30, 16, mask=True)(target), encoded])
    return keras.Model([source, target], layers.Dense(30, activation="softmax")(layers.Dropout(0.3)(decoded)))


@published
def sequence_to_sequence_with_attention() -> keras.Model:
    class Additive(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.query, self.key, self.score = layers.Dense(units), layers.Dense(units), layers.Dense(1)

        def call(self, query: Any, values: Any) -> Any:
            scores = self.score(ops.tanh(self.query(query)[:, None] + self.key(values)))
            return ops.sum(ops.softmax(scores, axis=1) * values, axis=1)

    class Translator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.source, self.target = layers.Embedding(30, 8), layers.Embedding(30, 8)
            self.encoder = layers.GRU(12, return_sequences=True, return_state=True)
            self.decoder = layers.GRU(12, return_sequences=True)
            self.attention = Additive(10)
            self.head = layers.Dense(30)

        def call(self, inputs: Any) -> Any:
            source, target = inputs
            encoded, state = self.encoder(self.source(source))
            decoded = self.decoder(self.target(target), initial_state=state)
            context = self.attention(state, encoded)
            context = ops.repeat(context[:, None], decoded.shape[1], axis=1)
            return self.head(ops.concatenate([decoded, context], axis=-1))

    return called(Translator(), (2, 6), (2, 5), dtype="int32")


@published
def bidirectional_tagger() -> keras.Model:
    class Tagger(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.words = layers.Embedding(30, 8, mask_zero=True)
            self.recurrent = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
            self.tags = layers.TimeDistributed(layers.Dense(4, activation="softmax"))

        def call(self, tokens: Any) -> Any:
            return self.tags(self.recurrent(self.words(tokens)))

    return called(Tagger(), (2, 7), dtype="int32")


@published
def fourier_text_encoder() -> keras.Model:
    class Mixing(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = keras.Sequential([layers.Dense(32, activation="gelu"), layers.Dense(16)])
            self.norm_1, self.norm_2 = layers.LayerNormalization(), layers.LayerNormalization()

        def call(self, x: Any) -> Any:
            real, _ = ops.fft2((x, ops.zeros_like(x)))
            x = self.norm_1(x + real)
            return self.norm_2(x + self.dense(x))

    tokens = keras.Input((8,), dtype="int32")
    x = Mixing()(Mixing()(TokenAndPosition(8, 30, 16)(tokens)))
    return keras.Model(tokens, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


@published
def mixture_of_experts() -> keras.Model:
    class Router(layers.Layer):
        def __init__(self, experts: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.route = layers.Dense(experts, activation="softmax")
            self.experts = [layers.Dense(16, activation="relu") for _ in range(experts)]

        def call(self, x: Any) -> Any:
            weights = self.route(x)
            self.add_loss(ops.mean(ops.square(ops.mean(weights, axis=(0, 1)))))
            answers = ops.stack([expert(x) for expert in self.experts], axis=-1)
            return ops.sum(answers * weights[:, :, None, :], axis=-1)

    tokens = keras.Input((8,), dtype="int32")
    x = Router(3)(TokenAndPosition(8, 30, 16)(tokens))
    return keras.Model(tokens, layers.Dense(2)(layers.GlobalMaxPooling1D()(x)))


# -- images -------------------------------------------------------------------------------------------------------


class Patches(layers.Layer):
    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, images: Any) -> Any:
        _, height, width, channels = images.shape
        rows, columns = height // self.size, width // self.size
        x = ops.reshape(images, (-1, rows, self.size, columns, self.size, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, rows * columns, self.size * self.size * channels))


class PatchEncoder(layers.Layer):
    def __init__(self, patches: int, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.patches = patches
        self.project = layers.Dense(dim)
        self.position = layers.Embedding(patches, dim)

    def call(self, x: Any) -> Any:
        return self.project(x) + self.position(ops.arange(self.patches))


@published
def vision_transformer() -> keras.Model:
    image = keras.Input((16, 16, 3))
    x = PatchEncoder(16, 16)(Patches(4)(image))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(y, y)])
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(16)(layers.Dense(32, activation="gelu")(y))])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(image, layers.Dense(10)(x))


class ClassToken(layers.Layer):
    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")

    def call(self, x: Any) -> Any:
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)


@published
def distilled_vision_transformer() -> keras.Model:
    class Distilled(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.patches = Patches(4)
            self.encoder = PatchEncoder(16, 16)
            self.token = ClassToken()
            self.distillation = ClassToken()
            self.blocks = [TransformerBlock(16, 2, 32) for _ in range(2)]
            self.head, self.teacher_head = layers.Dense(5), layers.Dense(5)

        def call(self, images: Any, training: bool | None = None) -> Any:
            x = self.distillation(self.token(self.encoder(self.patches(images))))
            for block in self.blocks:
                x = block(x, training=training)
            first, second = self.head(x[:, 0]), self.teacher_head(x[:, 1])
            return (first, second) if training else (first + second) / 2

    return called(Distilled(), (2, 16, 16, 3))


@published
def mlp_mixer() -> keras.Model:
    class Mixer(layers.Layer):
        def __init__(self, patches: int, dim: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.tokens = keras.Sequential([layers.Dense(8, activation="gelu"), layers.Dense(patches)])
            self.channels = keras.Sequential([layers.Dense(8, activation="gelu"), layers.Dense(dim)])
            self.norm_1, self.norm_2 = layers.LayerNormalization(), layers.LayerNormalization()

        def call(self, x: Any) -> Any:
            y = ops.transpose(self.norm_1(x), (0, 2, 1))
            x = x + ops.transpose(self.tokens(y), (0, 2, 1))
            return x + self.channels(self.norm_2(x))

    image = keras.Input((16, 16, 3))
    x = PatchEncoder(16, 16)(Patches(4)(image))
    x = keras.Sequential([Mixer(16, 16) for _ in range(2)])(x)
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


@published
def gated_mlp() -> keras.Model:
    class Gate(layers.Layer):
        def __init__(self, patches: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.norm = layers.LayerNormalization()
            self.spatial = layers.Dense(patches, bias_initializer="ones")
            self.expand, self.contract = layers.Dense(32, activation="gelu"), layers.Dense(16)

        def call(self, x: Any) -> Any:
            u, v = ops.split(self.expand(x), 2, axis=-1)
            v = ops.transpose(self.spatial(ops.transpose(self.norm(v), (0, 2, 1))), (0, 2, 1))
            return x + self.contract(u * v)

    image = keras.Input((16, 16, 3))
    x = Gate(16)(PatchEncoder(16, 16)(Patches(4)(image)))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


@published
def shifted_windows() -> keras.Model:
    class WindowAttention(layers.Layer):
        def __init__(self, dim: int, window: int, heads: int, shift: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.window, self.heads, self.shift, self.dim = window, heads, shift, dim
            self.qkv, self.project = layers.Dense(3 * dim), layers.Dense(dim)
            self.norm = layers.LayerNormalization()

        def build(self, shape: Any) -> None:
            positions = (2 * self.window - 1) ** 2
            self.bias = self.add_weight(shape=(positions, self.heads), initializer="zeros", name="relative")
            grid = np.stack(np.meshgrid(np.arange(self.window), np.arange(self.window), indexing="ij")).reshape(2, -1)
            offset = (grid[:, :, None] - grid[:, None]).transpose(1, 2, 0) + self.window - 1
            self.index = offset[..., 0] * (2 * self.window - 1) + offset[..., 1]

        def call(self, x: Any) -> Any:
            _, height, width, dim = x.shape
            size, rows, columns = self.window, height // self.window, width // self.window
            y = ops.roll(self.norm(x), (-self.shift, -self.shift), axis=(1, 2))
            y = ops.transpose(ops.reshape(y, (-1, rows, size, columns, size, dim)), (0, 1, 3, 2, 4, 5))
            y = ops.reshape(y, (-1, size * size, dim))
            heads = ops.reshape(self.qkv(y), (-1, size * size, 3, self.heads, dim // self.heads))
            query, key, value = ops.unstack(ops.transpose(heads, (2, 0, 3, 1, 4)))
            scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(dim // self.heads)
            bias = ops.take(self.bias, ops.reshape(self.index, (-1,)), axis=0)
            bias = ops.transpose(ops.reshape(bias, (size * size, size * size, self.heads)), (2, 0, 1))
            y = ops.matmul(ops.softmax(scores + bias[None]), value)
            y = self.project(ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, size * size, dim)))
            y = ops.reshape(y, (-1, rows, columns, size, size, dim))
            y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, height, width, dim))
            return x + ops.roll(y, (self.shift, self.shift), axis=(1, 2))

    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(16, 2, strides=2)(image)
    x = WindowAttention(16, 4, 2, 2)(WindowAttention(16, 4, 2, 0)(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


@published
def perceiver() -> keras.Model:
    class Perceiver(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.encoder = Patches(4), PatchEncoder(16, 16)
            self.cross = layers.MultiHeadAttention(1, 16)
            self.norm_latent, self.norm_data = layers.LayerNormalization(), layers.LayerNormalization()
            self.block = TransformerBlock(16, 2, 32)
            self.head = layers.Dense(10)

        def build(self, shape: Any) -> None:
            self.latent = self.add_weight(shape=(8, 16), initializer="random_normal", name="latent")
            self.built = True

        def call(self, images: Any) -> Any:
            data = self.norm_data(self.encoder(self.patches(images)))
            latent = ops.broadcast_to(self.latent[None], (ops.shape(data)[0], 8, 16))
            for _ in range(2):
                latent = latent + self.cross(self.norm_latent(latent), data)
                latent = self.block(latent)
            return self.head(ops.mean(latent, axis=1))

    return called(Perceiver(), (2, 16, 16, 3))


@published
def involution() -> keras.Model:
    class Involution(layers.Layer):
        def __init__(self, channels: int, kernel: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.channels, self.kernel = channels, kernel
            self.generate = keras.Sequential(
                [layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(kernel * kernel, 1)]
            )

        def call(self, x: Any) -> tuple[Any, Any]:
            _, height, width, _ = x.shape
            kernel = ops.reshape(self.generate(x), (-1, height, width, self.kernel * self.kernel, 1))
            patches = ops.image.extract_patches(x, self.kernel, strides=1, padding="same")
            patches = ops.reshape(patches, (-1, height, width, self.kernel * self.kernel, self.channels))
            return ops.sum(kernel * patches, axis=3), kernel

    image = keras.Input((16, 16, 3))
    x, _ = Involution(3, 3, name="involution")(image)
    x = layers.MaxPooling2D()(layers.ReLU()(x))
    x, _ = Involution(3, 3, name="involution_2")(x)
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(image, layers.Dense(10)(x))


@published
def point_cloud_classifier() -> keras.Model:
    class Transform(layers.Layer):
        def __init__(self, features: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.features = features
            self.shared = keras.Sequential([layers.Conv1D(8, 1), layers.BatchNormalization(), layers.ReLU()])
            self.pool = layers.GlobalMaxPooling1D()
            self.matrix = layers.Dense(
                features * features,
                kernel_initializer="zeros",
                bias_initializer=keras.initializers.Constant(np.eye(features).reshape(-1)),
            )

        def call(self, points: Any, training: bool | None = None) -> Any:
            matrix = self.matrix(self.pool(self.shared(points, training=training)))
            return ops.matmul(points, ops.reshape(matrix, (-1, self.features, self.features)))

    points = keras.Input((20, 3))
    x = Transform(3)(points)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 1)(x)))
    x = layers.GlobalMaxPooling1D()(Transform(8)(x))
    return keras.Model(points, layers.Dense(4, activation="softmax")(layers.Dropout(0.3)(x)))


@published
def residual_dense_super_resolution() -> keras.Model:
    class ResidualDense(layers.Layer):
        def __init__(self, channels: int, count: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.convolutions = [layers.Conv2D(8, 3, padding="same", activation="relu") for _ in range(count)]
            self.fuse = layers.Conv2D(channels, 1)

        def call(self, x: Any) -> Any:
            features = [x]
            for convolution in self.convolutions:
                features.append(convolution(ops.concatenate(features, axis=-1)))
            return x + 0.2 * self.fuse(ops.concatenate(features, axis=-1))

    class DepthToSpace(layers.Layer):
        def call(self, x: Any) -> Any:
            _, height, width, channels = x.shape
            x = ops.reshape(x, (-1, height, width, 2, 2, channels // 4))
            return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, channels // 4))

    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(8, 3, padding="same")(image)
    x = ResidualDense(8, 3)(ResidualDense(8, 3)(first)) + first
    return keras.Model(image, DepthToSpace()(layers.Conv2D(12, 3, padding="same")(x)))


@published
def zero_reference_light() -> keras.Model:
    class Enhance(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.Conv2D(8, 3, padding="same", activation="relu")
            self.second = layers.Conv2D(8, 3, padding="same", activation="relu")
            self.curves = layers.Conv2D(12, 3, padding="same", activation="tanh")

        def call(self, image: Any) -> Any:
            first = self.first(image)
            curves = self.curves(ops.concatenate([first, self.second(first)], axis=-1))
            x = image
            for step in range(4):
                curve = curves[..., 3 * step : 3 * step + 3]
                x = x + curve * (ops.square(x) - x)
            return x

    return called(Enhance(), (1, 8, 8, 3))


@published
def attention_over_instances() -> keras.Model:
    class Scores(layers.Layer):
        def __init__(self, dim: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dim = dim

        def build(self, shape: Any) -> None:
            features = shape[0][-1]
            self.v = self.add_weight(shape=(features, self.dim), name="v")
            self.u = self.add_weight(shape=(features, self.dim), name="u")
            self.w = self.add_weight(shape=(self.dim, 1), name="w")

        def call(self, instances: list[Any]) -> list[Any]:
            scores = [self.score(instance) for instance in instances]
            return ops.unstack(ops.softmax(ops.stack(scores), axis=0), num=len(instances))

        def score(self, x: Any) -> Any:
            return ops.matmul(ops.tanh(ops.matmul(x, self.v)) * ops.sigmoid(ops.matmul(x, self.u)), self.w)

    bag = [keras.Input((4, 4, 1)) for _ in range(3)]
    embed, shared = layers.Dense(8, activation="relu"), layers.Dense(6, activation="relu")
    embeddings = [shared(embed(layers.Flatten()(instance))) for instance in bag]
    weights = Scores(5)(embeddings)
    weighted = [layers.multiply([weight, embedding]) for weight, embedding in zip(weights, embeddings, strict=True)]
    return keras.Model(bag, layers.Dense(2, activation="softmax")(layers.concatenate(weighted)))


# -- generative models --------------------------------------------------------------------------------------------


class Sampling(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(5)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


@published
def variational_autoencoder() -> keras.Model:
    class Encoder(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden = layers.Dense(12, activation="relu")
            self.mean, self.log_variance = layers.Dense(3), layers.Dense(3)
            self.sampling = Sampling()

        def call(self, x: Any) -> Any:
            x = self.hidden(x)
            mean, log_variance = self.mean(x), self.log_variance(x)
            return mean, log_variance, self.sampling((mean, log_variance))

    class Decoder(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden, self.pixels = layers.Dense(12, activation="relu"), layers.Dense(20, activation="sigmoid")

        def call(self, z: Any) -> Any:
            return self.pixels(self.hidden(z))

    class Autoencoder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = Encoder(), Decoder()

        def call(self, x: Any) -> Any:
            mean, log_variance, z = self.encoder(x)
            divergence = -0.5 * ops.mean(log_variance - ops.square(mean) - ops.exp(log_variance) + 1)
            self.add_loss(divergence)
            return self.decoder(z)

    model = called(Autoencoder(), (2, 20))
    model.compile("adam", "binary_crossentropy")
    return model


@published
def vector_quantizer() -> keras.Model:
    class Quantizer(layers.Layer):
        def __init__(self, count: int, dim: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.count, self.dim = count, dim
            self.codes = self.add_weight(shape=(dim, count), initializer="random_uniform", name="codes")

        def call(self, x: Any) -> Any:
            flat = ops.reshape(x, (-1, self.dim))
            distances = ops.sum(flat**2, axis=1, keepdims=True) + ops.sum(self.codes**2, axis=0)
            distances = distances - 2 * ops.matmul(flat, self.codes)
            chosen = ops.one_hot(ops.argmin(distances, axis=1), self.count)
            quantized = ops.reshape(ops.matmul(chosen, ops.transpose(self.codes)), ops.shape(x))
            self.add_loss(0.25 * ops.mean((ops.stop_gradient(quantized) - x) ** 2))
            self.add_loss(ops.mean((quantized - ops.stop_gradient(x)) ** 2))
            return x + ops.stop_gradient(quantized - x)

    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = Quantizer(6, 4, name="quantizer")(layers.Conv2D(4, 1)(x))
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Conv2DTranspose(1, 3, padding="same")(x))


def _generator() -> keras.Model:
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(16), layers.LeakyReLU(), layers.Dense(9), layers.Reshape((3, 3, 1))],
        name="generator",
    )


def _discriminator() -> keras.Model:
    return keras.Sequential(
        [keras.Input((3, 3, 1)), layers.Conv2D(4, 2), layers.LeakyReLU(), layers.GlobalMaxPooling2D(), layers.Dense(1)],
        name="discriminator",
    )


@published
def adversarial_pair() -> keras.Model:
    class Adversarial(keras.Model):
        def __init__(self, generator: keras.Model, discriminator: keras.Model) -> None:
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.seed_generator = keras.random.SeedGenerator(3)

        def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
            super().compile()
            self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    model = Adversarial(_generator(), _discriminator())
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    return model


@published
def cycle_consistency() -> keras.Model:
    class Cycle(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.there, self.back = self.net("there"), self.net("back")
            self.judge_there, self.judge_back = _discriminator(), _discriminator()

        @staticmethod
        def net(name: str) -> keras.Model:
            image = keras.Input((3, 3, 1))
            x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
            return keras.Model(image, layers.Conv2D(1, 3, padding="same", activation="tanh")(x), name=name)

        def call(self, images: Any) -> Any:
            first, second = images
            fake_second, fake_first = self.there(first), self.back(second)
            return (
                self.back(fake_second),
                self.there(fake_first),
                self.judge_there(fake_second),
                self.judge_back(fake_first),
            )

    return called(Cycle(), (2, 3, 3, 1), (2, 3, 3, 1))


@published
def denoising_diffusion() -> keras.Model:
    class Sinusoids(layers.Layer):
        def call(self, x: Any) -> Any:
            angles = 2.0 * math.pi * ops.exp(ops.linspace(0.0, math.log(100.0), 4))
            return ops.concatenate([ops.sin(angles * x), ops.cos(angles * x)], axis=3)

    class Diffusion(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.normalizer = layers.Normalization()
            self.network = self.unet()
            self.average = keras.models.clone_model(self.network)
            self.average.set_weights(self.network.get_weights())

        @staticmethod
        def unet() -> keras.Model:
            image, variance = keras.Input((8, 8, 3)), keras.Input((1, 1, 1))
            e = Sinusoids()(variance)
            e = layers.UpSampling2D(8)(e)
            x = layers.Concatenate()([layers.Conv2D(8, 1)(image), e])
            skip = x = layers.Conv2D(8, 3, padding="same", activation="swish")(x)
            x = layers.Conv2D(8, 3, padding="same", activation="swish")(layers.AveragePooling2D(2)(x))
            x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), skip])
            return keras.Model([image, variance], layers.Conv2D(3, 1, kernel_initializer="zeros")(x), name="unet")

    return Diffusion()


@published
def conditional_generator() -> keras.Model:
    class Conditional(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.labels = layers.Embedding(5, 4)
            self.first, self.second = layers.Dense(12, activation="relu"), layers.Dense(9, activation="tanh")
            self.norm = layers.BatchNormalization()

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            noise, label = inputs
            x = ops.concatenate([noise, self.labels(ops.cast(label, "int32"))], axis=-1)
            return self.second(self.norm(self.first(x), training=training))

    return called(Conditional(), (2, 6), (2,))


@published
def coupling_flow() -> keras.Model:
    class Coupling(layers.Layer):
        def __init__(self, flip: bool, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.flip = flip
            self.scale = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(2, activation="tanh")])
            self.shift = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(2)])

        def call(self, x: Any) -> tuple[Any, Any]:
            kept, moved = (x[:, 2:], x[:, :2]) if self.flip else (x[:, :2], x[:, 2:])
            scale, shift = self.scale(kept), self.shift(kept)
            moved = moved * ops.exp(scale) + shift
            parts = [moved, kept] if self.flip else [kept, moved]
            return ops.concatenate(parts, axis=-1), ops.sum(scale, axis=-1)

    class Flow(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.couplings = [Coupling(bool(index % 2)) for index in range(4)]

        def call(self, x: Any) -> tuple[Any, Any]:
            total = 0.0
            for coupling in self.couplings:
                x, log_determinant = coupling(x)
                total = total + log_determinant
            return x, total

    return called(Flow(), (3, 4))


# -- contrastive, siamese, distilled ------------------------------------------------------------------------------


@published
def siamese_distance() -> keras.Model:
    class Siamese(keras.Model):
        def __init__(self, encoder: keras.Model) -> None:
            super().__init__()
            self.encoder = encoder
            self.head = layers.Dense(1, activation="sigmoid")

        def call(self, pair: Any) -> Any:
            left, right = self.encoder(pair[0]), self.encoder(pair[1])
            return self.head(ops.abs(left - right))

    features = keras.Input((6,))
    encoder = keras.Model(features, layers.Dense(4)(layers.Dense(8, activation="relu")(features)), name="encoder")
    return called(Siamese(encoder), (2, 6), (2, 6))


@published
def triplets() -> keras.Model:
    class Distance(layers.Layer):
        def call(self, anchor: Any, positive: Any, negative: Any) -> Any:
            near = ops.sum(ops.square(anchor - positive), -1)
            far = ops.sum(ops.square(anchor - negative), -1)
            return near, far

    embed = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(4)], name="embed")
    inputs = [keras.Input((6,), name=name) for name in ("anchor", "positive", "negative")]
    return keras.Model(inputs, Distance()(*[embed(each) for each in inputs]))


@published
def contrastive_pretraining() -> keras.Model:
    class Contrastive(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.augment = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomContrast(0.1)])
            self.encoder = keras.Sequential(
                [layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(8)]
            )
            self.projection = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(4)])
            self.probe = layers.Dense(3)

        def call(self, images: Any, training: bool | None = None) -> Any:
            first = self.projection(self.encoder(self.augment(images, training=training)))
            second = self.projection(self.encoder(self.augment(images, training=training)))
            first, second = ops.normalize(first, axis=1), ops.normalize(second, axis=1)
            similarity = ops.matmul(first, ops.transpose(second)) / 0.1
            return similarity, self.probe(ops.stop_gradient(self.encoder(images)))

    return called(Contrastive(), (2, 8, 8, 3))


@published
def distillation() -> keras.Model:
    class Distiller(keras.Model):
        def __init__(self, student: keras.Model, teacher: keras.Model) -> None:
            super().__init__()
            self.student, self.teacher = student, teacher

        def call(self, x: Any) -> Any:
            return self.student(x)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, **_: Any) -> Any:
            teacher = ops.softmax(self.teacher(x, training=False) / 3)
            soft = keras.losses.kl_divergence(teacher, ops.softmax(y_pred / 3))
            return ops.mean(soft) + keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, y_pred)

    def net(width: int, name: str) -> keras.Model:
        return keras.Sequential([keras.Input((6,)), layers.Dense(width, activation="relu"), layers.Dense(3)], name=name)

    model = called(Distiller(net(4, "student"), net(16, "teacher")), (2, 6))
    model.compile("adam")
    return model


@published
def two_tower_retrieval() -> keras.Model:
    class Tower(layers.Layer):
        def __init__(self, count: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.embedding, self.dense = layers.Embedding(count, 8), layers.Dense(4)

        def call(self, ids: Any) -> Any:
            return ops.normalize(self.dense(self.embedding(ids)), axis=-1)

    class Retrieval(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = Tower(10), Tower(20)

        def call(self, inputs: Any) -> Any:
            return ops.sum(self.users(inputs["user"]) * self.items(inputs["item"]), axis=-1)

    model = Retrieval()
    model({"user": np.zeros((2,), "int32"), "item": np.zeros((2,), "int32")})
    return model


@published
def factorized_recommender() -> keras.Model:
    class Recommender(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.user, self.user_bias = layers.Embedding(10, 4), layers.Embedding(10, 1)
            self.item, self.item_bias = layers.Embedding(20, 4), layers.Embedding(20, 1)

        def call(self, pairs: Any) -> Any:
            users, items = pairs[:, 0], pairs[:, 1]
            match = ops.sum(self.user(users) * self.item(items), axis=-1, keepdims=True)
            return ops.sigmoid(match + self.user_bias(users) + self.item_bias(items))

    return called(Recommender(), (3, 2), dtype="int32")


# -- tables, graphs, sequences, control ---------------------------------------------------------------------------


@published
def deep_and_cross() -> keras.Model:
    class Cross(layers.Layer):
        def build(self, shape: Any) -> None:
            self.dense = layers.Dense(shape[0][-1])
            self.dense.build(shape[1])

        def call(self, inputs: Any) -> Any:
            first, x = inputs
            return first * self.dense(x) + x

    features = keras.Input((6,))
    x = Cross()([features, Cross()([features, features])])
    deep = layers.Dropout(0.1)(layers.Dense(8, activation="relu")(features))
    return keras.Model(features, layers.Dense(3, activation="softmax")(layers.Concatenate()([x, deep])))


@published
def gated_residual_tables() -> keras.Model:
    class GatedLinear(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.linear, self.gate = layers.Dense(units), layers.Dense(units, activation="sigmoid")

        def call(self, x: Any) -> Any:
            return self.linear(x) * self.gate(x)

    class GatedResidual(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.elu, self.linear, self.drop = layers.Dense(units, activation="elu"), layers.Dense(units), None
            self.drop = layers.Dropout(0.1)
            self.gated, self.norm, self.project = GatedLinear(units), layers.LayerNormalization(), layers.Dense(units)

        def call(self, x: Any) -> Any:
            y = self.gated(self.drop(self.linear(self.elu(x))))
            return self.norm(y + self.project(x))

    class Selection(layers.Layer):
        def __init__(self, count: int, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.each = [GatedResidual(units) for _ in range(count)]
            self.together = GatedResidual(units)
            self.weights_of = layers.Dense(count, activation="softmax")

        def call(self, inputs: list[Any]) -> Any:
            weights = self.weights_of(self.together(ops.concatenate(inputs, axis=-1)))[..., None]
            stacked = ops.stack([part(x) for part, x in zip(self.each, inputs, strict=True)], axis=1)
            return ops.squeeze(ops.matmul(ops.transpose(weights, (0, 2, 1)), stacked), axis=1)

    columns = [keras.Input((2,)) for _ in range(3)]
    return keras.Model(columns, layers.Dense(1, activation="sigmoid")(Selection(3, 5)(columns)))


@published
def neural_decision_forest() -> keras.Model:
    class Tree(layers.Layer):
        def __init__(self, depth: int, classes: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.depth, self.leaves = depth, 2**depth
            self.decide = layers.Dense(self.leaves, activation="sigmoid")
            self.classes = self.add_weight(shape=(self.leaves, classes), name="classes")

        def call(self, x: Any) -> Any:
            decisions = self.decide(x)[..., None]
            decisions = ops.concatenate([decisions, 1 - decisions], axis=2)
            mu, begin = ops.ones_like(decisions[:, :1, :1]), 1
            for level in range(self.depth):
                mu = ops.repeat(ops.reshape(mu, (-1, begin, 1)), 2, axis=2)
                mu = ops.reshape(mu * decisions[:, begin : 2 * begin], (-1, 2 * begin, 1))
                begin = 2 ** (level + 1)
            return ops.matmul(ops.reshape(mu, (-1, self.leaves)), ops.softmax(self.classes))

    class Forest(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.trees = [Tree(2, 3) for _ in range(3)]

        def call(self, x: Any) -> Any:
            return sum(tree(x) for tree in self.trees) / len(self.trees)

    return called(Forest(), (2, 6))


@published
def graph_convolution() -> keras.Model:
    class GraphConvolution(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.prepare, self.update = layers.Dense(units, activation="gelu"), layers.Dense(units, activation="gelu")

        def call(self, inputs: Any) -> Any:
            nodes, edges = inputs
            messages = self.prepare(ops.take(nodes, edges[1], axis=0))
            gathered = ops.segment_sum(messages, edges[0], num_segments=5)
            return ops.normalize(self.update(ops.concatenate([nodes, gathered], axis=1)), axis=-1)

    class Classifier(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.features = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
            self.edges = np.array([[0, 1, 2, 3], [1, 2, 3, 4]], "int32")
            self.preprocess, self.first, self.second = layers.Dense(6), GraphConvolution(6), GraphConvolution(6)
            self.head = layers.Dense(3)

        def call(self, chosen: Any) -> Any:
            x = self.preprocess(self.features)
            x = x + self.first((x, self.edges))
            x = x + self.second((x, self.edges))
            return self.head(ops.take(x, chosen, axis=0))

    return called(Classifier(), (2,), dtype="int32")


@published
def graph_attention() -> keras.Model:
    class GraphAttention(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[0][-1], self.units), name="kernel")
            self.scorer = self.add_weight(shape=(2 * self.units, 1), name="scorer")

        def call(self, inputs: Any) -> Any:
            nodes, adjacency = inputs
            hidden = ops.matmul(nodes, self.kernel)
            left = ops.matmul(hidden, self.scorer[: self.units])
            right = ops.matmul(hidden, self.scorer[self.units :])
            scores = ops.leaky_relu(left + ops.transpose(right, (0, 2, 1)))
            scores = ops.where(adjacency > 0, scores, -1e9)
            return ops.elu(ops.matmul(ops.softmax(scores, axis=-1), hidden))

    nodes, adjacency = keras.Input((5, 4)), keras.Input((5, 5))
    x = GraphAttention(6)([GraphAttention(6)([nodes, adjacency]), adjacency])
    return keras.Model([nodes, adjacency], layers.Dense(3)(x))


@published
def gated_wavenet() -> keras.Model:
    class Gated(layers.Layer):
        def __init__(self, dilation: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.filter = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="tanh")
            self.gate = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="sigmoid")
            self.residual, self.skip = layers.Conv1D(8, 1), layers.Conv1D(8, 1)

        def call(self, x: Any) -> tuple[Any, Any]:
            y = self.filter(x) * self.gate(x)
            return x + self.residual(y), self.skip(y)

    class Wavenet(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.Conv1D(8, 1)
            self.blocks = [Gated(2**index) for index in range(3)]
            self.head = layers.Conv1D(4, 1)

        def call(self, x: Any) -> Any:
            x, skips = self.first(x), []
            for block in self.blocks:
                x, skip = block(x)
                skips.append(skip)
            return self.head(ops.relu(sum(skips)))

    return called(Wavenet(), (2, 16, 1))


@published
def custom_recurrent_cell() -> keras.Model:
    class Minimal(layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = self.state_size = units
            self.gate, self.candidate = layers.Dense(units, activation="sigmoid"), layers.Dense(units)

        def call(self, x: Any, states: Any) -> Any:
            (state,) = states
            joined = ops.concatenate([x, state], axis=-1)
            gate = self.gate(joined)
            state = (1 - gate) * state + gate * ops.tanh(self.candidate(joined))
            return state, [state]

    sequence = keras.Input((7, 3))
    return keras.Model(sequence, layers.Dense(1)(layers.RNN(Minimal(6))(sequence)))


@published
def speech_encoder() -> keras.Model:
    class Speech(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.convolutions = [layers.Conv1D(16, 5, strides=2, padding="same", activation="relu") for _ in range(2)]
            self.encoder = keras.Sequential([TransformerBlock(16, 2, 32)])
            self.target, self.decoder = TokenAndPosition(6, 12, 16), layers.MultiHeadAttention(2, 8)
            self.norm, self.head = layers.LayerNormalization(), layers.Dense(12)

        def call(self, inputs: Any) -> Any:
            sound, target = inputs
            for convolution in self.convolutions:
                sound = convolution(sound)
            encoded = self.encoder(sound)
            x = self.target(target)
            x = self.norm(x + self.decoder(x, encoded))
            return self.head(x)

    model = Speech()
    model((np.zeros((2, 16, 4), "float32"), np.zeros((2, 5), "int32")))
    return model


@published
def actor_and_critic() -> keras.Model:
    class ActorCritic(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.common = layers.Dense(16, activation="relu")
            self.actor, self.critic = layers.Dense(2, activation="softmax"), layers.Dense(1)

        def call(self, observation: Any) -> tuple[Any, Any]:
            x = self.common(observation)
            return self.actor(x), self.critic(x)

    return called(ActorCritic(), (1, 4))


@published
def dueling_values() -> keras.Model:
    class Dueling(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(16, activation="relu")])
            self.value, self.advantage = layers.Dense(1), layers.Dense(3)

        def call(self, state: Any) -> Any:
            x = self.body(state)
            advantage = self.advantage(x)
            return self.value(x) + advantage - ops.mean(advantage, axis=1, keepdims=True)

    return called(Dueling(), (1, 4))


@published
def radiance_field() -> keras.Model:
    class Field(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [layers.Dense(16, activation="relu") for _ in range(6)]
            self.out = layers.Dense(4)

        def call(self, points: Any) -> Any:
            encoded = [points]
            for power in range(3):
                encoded += [ops.sin(2.0**power * points), ops.cos(2.0**power * points)]
            first = x = ops.concatenate(encoded, axis=-1)
            for index, dense in enumerate(self.hidden):
                x = dense(x)
                if index % 4 == 3:
                    x = ops.concatenate([x, first], axis=-1)
            return self.out(x)

    return called(Field(), (2, 5, 3))


@published
def masked_autoencoder() -> keras.Model:
    class Masked(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.encoder_in = Patches(4), PatchEncoder(16, 16)
            self.encoder, self.decoder = TransformerBlock(16, 2, 32), TransformerBlock(16, 2, 32)
            self.position, self.pixels = layers.Embedding(16, 16), layers.Dense(48, activation="sigmoid")
            self.mask_token = self.add_weight(shape=(1, 1, 16), name="mask_token")
            self.seed_generator = keras.random.SeedGenerator(9)

        def call(self, images: Any, training: bool | None = None) -> Any:
            tokens = self.encoder_in(self.patches(images))
            noise = keras.random.uniform(ops.shape(tokens)[:2], seed=self.seed_generator)
            kept = ops.argsort(noise, axis=-1)[:, :4]
            seen = ops.take_along_axis(tokens, ops.repeat(kept[..., None], 16, axis=-1), axis=1)
            encoded = self.encoder(seen, training=training)
            padding = ops.broadcast_to(self.mask_token, (ops.shape(tokens)[0], 12, 16))
            x = ops.concatenate([encoded, padding], axis=1) + self.position(ops.arange(16))
            return self.pixels(self.decoder(x, training=training))

    return called(Masked(), (2, 16, 16, 3))


@published
def physics_informed() -> keras.Model:
    class Oscillator(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = [layers.Dense(8, activation="tanh") for _ in range(2)]
            self.out = layers.Dense(1)
            self.frequency = self.add_weight(shape=(), initializer="ones", name="frequency")

        def call(self, time: Any) -> Any:
            x = self.frequency * time
            for dense in self.hidden:
                x = dense(x)
            return self.out(x)

    return called(Oscillator(), (4, 1))


@published
def stochastic_depth_network() -> keras.Model:
    class DropPath(layers.Layer):
        def __init__(self, rate: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.rate = rate
            self.seed_generator = keras.random.SeedGenerator(11)

        def call(self, x: Any, training: bool | None = None) -> Any:
            if not training:
                return x
            shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
            kept = ops.floor(1 - self.rate + keras.random.uniform(shape, seed=self.seed_generator))
            return x / (1 - self.rate) * kept

    class Block(layers.Layer):
        def __init__(self, rate: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.depthwise, self.norm = layers.DepthwiseConv2D(3, padding="same"), layers.LayerNormalization()
            self.expand, self.contract = layers.Dense(16, activation="gelu"), layers.Dense(8)
            self.drop_path = DropPath(rate)

        def build(self, shape: Any) -> None:
            self.gamma = self.add_weight(shape=(8,), initializer=keras.initializers.Constant(1e-6), name="gamma")

        def call(self, x: Any, training: bool | None = None) -> Any:
            y = self.contract(self.expand(self.norm(self.depthwise(x))))
            return x + self.drop_path(self.gamma * y, training=training)

    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 4, strides=4)(image)
    x = Block(0.2)(Block(0.1)(x))
    return keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


@published
def image_captioning() -> keras.Model:
    class Captioner(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            backbone = keras.Sequential(
                [layers.Conv2D(8, 3, strides=2, activation="relu"), layers.Reshape((-1, 8))], name="backbone"
            )
            backbone.trainable = False
            self.backbone = backbone
            self.project, self.encoder = layers.Dense(16, activation="relu"), TransformerBlock(16, 2, 32)
            self.words, self.cross = TokenAndPosition(6, 12, 16, mask=True), layers.MultiHeadAttention(2, 8)
            self.norm, self.head = layers.LayerNormalization(), layers.Dense(12, activation="softmax")

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            image, caption = inputs
            encoded = self.encoder(self.project(self.backbone(image)), training=training)
            x = self.words(caption)
            return self.head(self.norm(x + self.cross(x, encoded)))

    model = Captioner()
    model((np.zeros((2, 9, 9, 3), "float32"), np.ones((2, 5), "int32")))
    return model
