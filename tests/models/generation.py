"""Images out: restoration, autoencoders, adversarial pairs, diffusion."""

from __future__ import annotations

import keras
from keras import layers, ops

from tests.models.registry import architecture


@architecture
def super_resolution() -> keras.Model:
    """keras.io ESPCN: convolutions, then depth to space by reshape and transpose."""
    inputs = keras.Input((None, None, 1))
    settings = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
    x = layers.Conv2D(16, 5, **settings)(inputs)
    x = layers.Conv2D(16, 3, **settings)(x)
    x = layers.Conv2D(8, 3, **settings)(x)
    x = layers.Conv2D(9, 3, **settings)(x)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 3, strides=3, padding="same")(x))
    model.compile("adam", "mean_squared_error")
    return model


@architecture
def pixel_shuffle() -> keras.Model:
    """EDSR with a proper pixel shuffle: Reshape, Permute, Reshape."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(scale=1.0 / 255)(inputs)
    x = skip = layers.Conv2D(8, 3, padding="same")(x)
    for _ in range(2):
        y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        y = layers.Conv2D(8, 3, padding="same")(y)
        x = layers.Add()([x, y])
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.Add()([x, skip])
    x = layers.Conv2D(8 * 4, 3, padding="same")(x)
    x = layers.Reshape((8, 8, 2, 2, 8))(x)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    x = layers.Reshape((16, 16, 8))(x)
    x = layers.Conv2D(3, 3, padding="same")(x)
    model = keras.Model(inputs, layers.Rescaling(scale=255)(x))
    model.compile("adam", "mae")
    return model


@architecture
def denoising_autoencoder() -> keras.Model:
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(inputs)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def pix2pix_generator() -> keras.Model:
    """Down to 1x1 and up again, instance-like GroupNormalization, dropout on the way up, tanh."""
    inputs = keras.Input((16, 16, 3))
    x, skips = inputs, []
    for index, filters in enumerate((8, 16, 16, 16)):
        x = layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)(x)
        if index:
            x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU()(x)
        skips.append(x)
    for filters, skip in zip((16, 16, 8), reversed(skips[:-1]), strict=True):
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
        x = layers.ReLU()(x)
        x = layers.Concatenate()([x, skip])
    last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")
    return keras.Model(inputs, last(x))


@architecture
def pix2pix_discriminator() -> keras.Model:
    source, target = keras.Input((32, 32, 3), name="input_image"), keras.Input((32, 32, 3), name="target_image")
    x = layers.concatenate([source, target])
    for filters in (8, 16):
        x = layers.LeakyReLU()(layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)(x))
    x = layers.ZeroPadding2D()(x)
    x = layers.Conv2D(32, 4, strides=1, use_bias=False)(x)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    x = layers.ZeroPadding2D()(x)
    return keras.Model([source, target], layers.Conv2D(1, 4, strides=1)(x))


@architecture
def combined_gan() -> keras.Model:
    """The classical generator-through-frozen-discriminator model."""
    generator = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(7 * 7 * 8, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 8)),
            layers.Conv2DTranspose(8, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    discriminator.trainable = False
    noise = keras.Input((16,))
    model = keras.Model(noise, discriminator(generator(noise)))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def conditional_generator() -> keras.Model:
    label = keras.Input((1,), dtype="int32", name="label")
    noise = keras.Input((16,), name="noise")
    x = layers.Embedding(10, 8)(label)
    x = layers.Dense(7 * 7)(x)
    x = layers.Reshape((7, 7, 1))(x)
    y = layers.Dense(7 * 7 * 4)(noise)
    y = layers.LeakyReLU(negative_slope=0.2)(y)
    y = layers.Reshape((7, 7, 4))(y)
    z = layers.Concatenate()([y, x])
    z = layers.Conv2DTranspose(8, 4, strides=2, padding="same")(z)
    z = layers.LeakyReLU(negative_slope=0.2)(z)
    return keras.Model([noise, label], layers.Conv2D(1, 7, activation="tanh", padding="same")(z))


@architecture
def diffusion_unet() -> keras.Model:
    """DDPM: time embedding by sines, added over space, residual blocks with GroupNormalization, attention."""

    @keras.saving.register_keras_serializable("architectures")
    class SinusoidalEmbedding(layers.Layer):
        def call(self, time):
            frequencies = ops.exp(ops.linspace(0.0, 5.0, 8))
            angles = ops.expand_dims(time, -1) * frequencies
            return ops.concatenate([ops.sin(angles), ops.cos(angles)], -1)

    image = keras.Input((16, 16, 3), name="image")
    time = keras.Input((), name="time")
    embedding = SinusoidalEmbedding()(time)
    embedding = layers.Dense(32, activation="swish")(embedding)
    embedding = layers.Dense(32)(embedding)

    def residual(x, width):
        skip = x if x.shape[-1] == width else layers.Conv2D(width, 1)(x)
        t = layers.Dense(width)(ops.silu(embedding))[:, None, None, :]
        x = layers.GroupNormalization(4)(x) if x.shape[-1] % 4 == 0 else x
        x = layers.Conv2D(width, 3, padding="same")(ops.silu(x))
        x = layers.Add()([x, t])
        x = ops.silu(layers.GroupNormalization(4)(x))
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(x)
        return layers.Add()([x, skip])

    x = layers.Conv2D(8, 3, padding="same")(image)
    x = skip = residual(x, 8)
    x = layers.AveragePooling2D(2)(x)
    x = residual(x, 16)
    y = layers.GroupNormalization(4)(x)
    y = layers.Reshape((64, 16))(y)
    y = layers.MultiHeadAttention(2, 8)(y, y)
    x = layers.Add()([x, layers.Reshape((8, 8, 16))(y)])
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    x = residual(layers.Concatenate()([x, skip]), 8)
    x = ops.silu(layers.GroupNormalization(4)(x))
    return keras.Model([image, time], layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x))


@architecture
def variational_autoencoder_parts() -> keras.Model:
    """Encoder with three outputs, reparameterisation by a custom layer, decoder."""

    @keras.saving.register_keras_serializable("architectures")
    class Sampling(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, log_var = inputs
            epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_var) * epsilon

    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    mean, log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    encoder = keras.Model(inputs, [mean, log_var, Sampling()([mean, log_var])], name="encoder")
    latent = keras.Input((2,))
    x = layers.Dense(7 * 7 * 8, activation="relu")(latent)
    x = layers.Reshape((7, 7, 8))(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    decoder = keras.Model(latent, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x), name="decoder")
    mean, log_var, z = encoder(inputs)
    return keras.Model(inputs, [decoder(z), mean, log_var])


@architecture
def vae_end_to_end() -> keras.Model:
    """encoder(inputs)[2] only: mean and variance go to a loss added by a subclass elsewhere."""
    return variational_autoencoder_parts().get_layer("encoder")


@architecture
def vector_quantized_autoencoder() -> keras.Model:
    """keras.io VQ-VAE: a straight-through estimator and losses in a custom layer."""

    @keras.saving.register_keras_serializable("architectures")
    class VectorQuantizer(layers.Layer):
        def __init__(self, num_embeddings, dim, **kwargs):
            super().__init__(**kwargs)
            self.num_embeddings, self.dim = num_embeddings, dim

        def build(self, shape):
            self.codes = self.add_weight(shape=(self.dim, self.num_embeddings), initializer="uniform", name="codes")

        def call(self, x):
            flat = ops.reshape(x, (-1, self.dim))
            nearest = ops.argmin(ops.sum(self.codes**2, 0) - 2 * ops.matmul(flat, self.codes), 1)
            quantized = ops.reshape(ops.take(ops.transpose(self.codes), nearest, 0), ops.shape(x))
            self.add_loss(0.25 * ops.mean((ops.stop_gradient(quantized) - x) ** 2))
            self.add_loss(ops.mean((quantized - ops.stop_gradient(x)) ** 2))
            return x + ops.stop_gradient(quantized - x)

        def compute_output_shape(self, shape):
            return shape

        def get_config(self):
            return {**super().get_config(), "num_embeddings": self.num_embeddings, "dim": self.dim}

    inputs = keras.Input((16, 16, 1))
    x = layers.Conv2D(8, 3, 2, activation="relu", padding="same")(inputs)
    x = layers.Conv2D(4, 1, padding="same")(x)
    x = VectorQuantizer(16, 4)(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 3, padding="same")(x))
    model.compile("adam", "mse")
    return model


@architecture
def style_transfer() -> keras.Model:
    """Reflect padding by ops, instance normalisation, residual blocks, resize-convolution."""

    def block(x, filters, kernel, strides=1, activation=True):
        pad = kernel // 2
        x = ops.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
        x = layers.Conv2D(filters, kernel, strides)(x)
        x = layers.GroupNormalization(groups=-1)(x)
        return layers.ReLU()(x) if activation else x

    inputs = keras.Input((32, 32, 3))
    x = block(block(inputs, 8, 9), 16, 3, 2)
    for _ in range(2):
        x = x + block(block(x, 16, 3), 16, 3, activation=False)
    x = block(layers.UpSampling2D()(x), 8, 3)
    x = layers.Conv2D(3, 9, padding="same", activation="tanh")(x)
    return keras.Model(inputs, (x + 1) * 127.5)


@architecture
def nerf() -> keras.Model:
    """keras.io: an MLP on encoded positions with a skip; linear output."""
    inputs = keras.Input((32, 2 * 3 * 4 + 3))
    x = inputs
    for index in range(8):
        x = layers.Dense(16, activation="relu")(x)
        if index % 4 == 0 and index > 0:
            x = layers.concatenate([x, inputs], axis=-1)
    model = keras.Model(inputs, layers.Dense(4)(x))
    model.compile("adam", "mse")
    return model
