"""Sets of models in the styles of public code, rightly made and with the classical fault of each.

Every set yields ``(models, code)``: the models by name as they stand, and the code of the rule that has to name what is
wrong with them; None where they are rightly made, so that no error or warning may be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

State = tuple[dict[str, Any], str | None]

_RANDOM = np.random.default_rng(7)
IMAGES = _RANDOM.normal(size=(8, 8, 8, 3)).astype("float32")
ROWS = _RANDOM.normal(size=(8, 6)).astype("float32")
ONES = np.ones((8, 1), "float32")
CLASSES = _RANDOM.integers(0, 3, (8,))


def images(name: str | None = None) -> Any:
    return keras.Input((8, 8, 3), name=name)


def rows(size: int = 6, name: str | None = None) -> Any:
    return keras.Input((size,), name=name)


def judge(name: str) -> keras.Model:
    x = images()
    y = layers.LeakyReLU(0.2)(layers.Conv2D(4, 3, strides=2, padding="same")(x))
    return keras.Model(x, layers.Conv2D(1, 3, padding="same")(y), name=name)


def translator(name: str) -> keras.Model:
    x = images()
    y = layers.GroupNormalization(1)(layers.Conv2D(4, 3, padding="same", activation="relu")(x))
    return keras.Model(x, layers.Conv2D(3, 3, padding="same", activation="tanh")(y), name=name)


def cycle_gan_of_combined_models() -> Iterator[State]:
    """Two judges that are trained by themselves, and frozen inside the model that trains the translators."""
    for late in (True, False):
        d_a, d_b, g_ab, g_ba = judge("d_a"), judge("d_b"), translator("g_ab"), translator("g_ba")
        for one in (d_a, d_b):
            one.compile(keras.optimizers.Adam(2e-4, 0.5), "mse")
            if not late:
                one.train_on_batch(IMAGES, np.ones((8, 4, 4, 1)))
            one.trainable = False
        a, b = images("a"), images("b")
        fake_b, fake_a = g_ab(a), g_ba(b)
        outputs = [d_a(fake_a), d_b(fake_b), g_ba(fake_b), g_ab(fake_a), g_ba(a), g_ab(b)]
        combined = keras.Model([a, b], outputs, name="combined")
        combined.compile("adam", ["mse", "mse", "mae", "mae", "mae", "mae"], loss_weights=[1, 1, 10, 10, 1, 1])
        yield {"d_A": d_a, "d_B": d_b, "g_AB": g_ab, "g_BA": g_ba, "combined": combined}, "M001" if late else None


class WassersteinGAN(keras.Model):
    def __init__(self, critic: keras.Model, generator: keras.Model) -> None:
        super().__init__()
        self.critic, self.generator = critic, generator

    def compile(self, critic_optimizer: Any, generator_optimizer: Any) -> None:
        super().compile()
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer

    def train_step(self, real: Any) -> dict[str, Any]:
        import tensorflow as tf

        noise = keras.random.normal((8, 3), seed=1)
        for _ in range(2):
            with tf.GradientTape() as tape:
                fake = self.generator(noise, training=True)
                with tf.GradientTape() as inner:
                    mixed = 0.5 * (fake + real)
                    inner.watch(mixed)
                    judged = self.critic(mixed, training=True)
                norm = ops.sqrt(ops.sum(ops.square(inner.gradient(judged, mixed)), axis=1) + 1e-12)
                loss = ops.mean(self.critic(fake)) - ops.mean(self.critic(real)) + 10 * ops.mean((norm - 1) ** 2)
            weights = self.critic.trainable_variables
            self.critic_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            loss = -ops.mean(self.critic(self.generator(noise, training=True), training=True))
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    def call(self, x: Any) -> Any:
        return self.critic(self.generator(x))


def wasserstein_gan() -> Iterator[State]:
    critic = keras.Sequential([rows(), layers.Dense(8), layers.LeakyReLU(0.2), layers.Dense(1)], name="critic")
    generator = keras.Sequential(
        [rows(3), layers.Dense(8, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.Dense(6)],
        name="generator",
    )
    model = WassersteinGAN(critic, generator)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    model.fit(ROWS, batch_size=8, verbose=0)
    yield {"gan": model, "critic": critic, "generator": generator}, None


class Sampling(layers.Layer):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.seed = keras.random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        mean, variance = inputs
        return mean + ops.exp(0.5 * variance) * keras.random.normal(ops.shape(mean), seed=self.seed)


class Encoder(layers.Layer):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden = layers.Dense(8, activation="relu")
        self.mean, self.variance, self.sampling = layers.Dense(2), layers.Dense(2), Sampling()

    def call(self, inputs: Any) -> Any:
        hidden = self.hidden(inputs)
        mean, variance = self.mean(hidden), self.variance(hidden)
        return mean, variance, self.sampling((mean, variance))


class Decoder(layers.Layer):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden, self.out = layers.Dense(8, activation="relu"), layers.Dense(6)

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


class Autoencoder(keras.Model):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.encoder, self.decoder = Encoder(), Decoder()

    def call(self, inputs: Any) -> Any:
        mean, variance, z = self.encoder(inputs)
        self.add_loss(-0.5 * ops.mean(variance - ops.square(mean) - ops.exp(variance) + 1))
        return self.decoder(z)


def autoencoder_of_code() -> Iterator[State]:
    """A subclassed autoencoder, and Functional models made of its parts for use."""
    vae = Autoencoder(name="vae")
    vae.compile("adam", "mse")
    vae.fit(ROWS, ROWS, batch_size=8, verbose=0)
    x, z = rows(), rows(2)
    encoder = keras.Model(x, vae.encoder(x)[0], name="encode")
    yield {"vae": vae, "encode": encoder, "generate": keras.Model(z, vae.decoder(z), name="generate")}, None


def actor_and_critic() -> Iterator[State]:
    """One trunk, two heads, two optimizers; then the trunk is frozen for the critic, which goes on as before."""
    x = rows(name="state")
    trunk = keras.Model(x, layers.Dense(8, "tanh", name="common")(x), name="trunk")
    actor = keras.Model(x, layers.Dense(3, "softmax", name="policy")(trunk(x)), name="actor")
    critic = keras.Model(x, layers.Dense(1, name="value")(trunk(x)), name="critic")
    actor.compile("adam", "sparse_categorical_crossentropy")
    critic.compile("adam", "huber")
    actor.train_on_batch(ROWS, CLASSES)
    critic.train_on_batch(ROWS, ONES)
    models = {"trunk": trunk, "actor": actor, "critic": critic}
    yield models, None
    trunk.trainable = False
    yield models, "M002"


class SimSiam(keras.Model):
    def __init__(self, encoder: keras.Model, predictor: keras.Model) -> None:
        super().__init__()
        self.encoder, self.predictor = encoder, predictor

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        one, other = data, data + 0.1
        with tf.GradientTape() as tape:
            z1, z2 = self.encoder(one, training=True), self.encoder(other, training=True)
            p1, p2 = self.predictor(z1, training=True), self.predictor(z2, training=True)
            loss = ops.mean(keras.losses.cosine_similarity(p1, ops.stop_gradient(z2)))
            loss += ops.mean(keras.losses.cosine_similarity(p2, ops.stop_gradient(z1)))
        weights = self.encoder.trainable_variables + self.predictor.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}

    def call(self, x: Any) -> Any:
        return self.predictor(self.encoder(x))


def simsiam_and_a_probe() -> Iterator[State]:
    """The backbone of the encoder is taken out by a name and frozen, before the probe is compiled, or after a fit."""
    for late in (False, True):
        x = images()
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(layers.Rescaling(1 / 127.5, offset=-1)(x))
        pooled = layers.GlobalAveragePooling2D(name="backbone_pool")(layers.ReLU()(layers.BatchNormalization()(y)))
        out = layers.BatchNormalization()(layers.Dense(6, use_bias=False)(pooled))
        encoder = keras.Model(x, out, name="encoder")
        hidden = layers.ReLU()(layers.BatchNormalization()(layers.Dense(3, use_bias=False)(p := rows(6))))
        predictor = keras.Model(p, layers.Dense(6)(hidden), name="predictor")
        simsiam = SimSiam(encoder, predictor)
        simsiam.compile(keras.optimizers.SGD(0.1, momentum=0.6))
        simsiam.fit(IMAGES, batch_size=8, verbose=0)
        backbone = keras.Model(encoder.input, encoder.get_layer("backbone_pool").output, name="backbone")
        backbone.trainable = late
        x = images()
        probe = keras.Model(x, layers.Dense(3, "softmax")(backbone(x, training=False)), name="linear_model")
        probe.compile("sgd", "sparse_categorical_crossentropy")
        probe.fit(IMAGES, CLASSES, batch_size=8, verbose=0)
        models = {"simsiam": simsiam, "encoder": encoder, "backbone": backbone, "linear_model": probe}
        if late:
            backbone.trainable = False
        yield models, "M002" if late else None


def momentum_encoder() -> Iterator[State]:
    """Momentum contrast: the key encoder is a copy, or by mistake a model of the same layers."""
    query = keras.Sequential([rows(), layers.Dense(8, "relu"), layers.Dense(4)], name="query_encoder")
    for copied in (True, False):
        key = keras.models.clone_model(query) if copied else keras.Model(query.inputs, query.outputs)
        if copied:
            key.set_weights(query.get_weights())
            key.trainable = False
        yield {"query_encoder": query, "momentum_encoder": key}, None if copied else "M009"


def unet_and_classifier() -> Iterator[State]:
    """A classifier on the bottleneck of a U-Net, which its author then freezes without compiling the U-Net again."""
    x = images()
    down = layers.Conv2D(4, 3, padding="same", activation="relu", name="down")(x)
    bottle = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="bottleneck")(down)
    up = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="up")(bottle)
    unet = keras.Model(x, layers.Conv2D(1, 1, activation="sigmoid")(layers.Concatenate()([up, down])), name="unet")
    unet.compile("adam", "binary_crossentropy")
    unet.train_on_batch(IMAGES, np.ones((8, 8, 8, 1)))
    features = layers.GlobalAveragePooling2D()(unet.get_layer("bottleneck").output)
    classifier = keras.Model(unet.input, layers.Dense(3, "softmax")(features), name="classifier")
    models = {"unet": unet, "classifier": classifier}
    yield models, None
    for layer in classifier.layers[:-1]:
        layer.trainable = False
    classifier.compile("adam", "sparse_categorical_crossentropy")
    yield models, None
    for layer in classifier.layers:
        layer.trainable = True
    classifier.train_on_batch(IMAGES, CLASSES)
    unet.get_layer("down").trainable = False
    yield models, "M002"


class Distance(layers.Layer):
    def call(self, anchor: Any, positive: Any, negative: Any) -> Any:
        return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)


class Triplets(keras.Model):
    def __init__(self, siamese: keras.Model) -> None:
        super().__init__()
        self.siamese = siamese
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs: Any) -> Any:
        return self.siamese(inputs)

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            near, far = self.siamese(keras.utils.unpack_x_y_sample_weight(data)[0], training=True)
            loss = ops.mean(ops.maximum(near - far + 0.5, 0.0))
        weights = self.siamese.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def triplets() -> Iterator[State]:
    base = keras.Sequential([images(), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()], name="base")
    base.layers[0].trainable = False
    hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(base.outputs[0]))
    embedding = keras.Model(base.inputs[0], layers.Dense(4)(hidden), name="embedding")
    inputs = [images(name) for name in ("anchor", "positive", "negative")]
    siamese = keras.Model(inputs, Distance()(*map(embedding, inputs)), name="siamese")
    model = Triplets(siamese)
    model.compile(keras.optimizers.Adam(1e-4))
    model.train_on_batch([IMAGES, IMAGES + 0.1, IMAGES[::-1].copy()])
    yield {"embedding": embedding, "siamese_network": siamese, "siamese_model": model}, None


def target_networks() -> Iterator[State]:
    """Actor and critic of DDPG, each with a target: copies, or models of the same tensors."""
    state, action = rows(name="state"), rows(2, name="action")
    both = layers.Concatenate()([layers.Dense(8, "relu")(state), layers.Dense(8, "relu")(action)])
    critic = keras.Model([state, action], layers.Dense(1)(both), name="critic")
    actor = keras.Model(state, layers.Dense(2, "tanh")(layers.Dense(8, "relu")(state)), name="actor")
    for copied in (True, False):
        make = keras.models.clone_model if copied else (lambda one: keras.Model(one.input, one.output))
        targets = {"target_actor": make(actor), "target_critic": make(critic)}
        for name, one in targets.items():
            one.set_weights({"target_actor": actor, "target_critic": critic}[name].get_weights())
        yield {"actor": actor, "critic": critic, **targets}, None if copied else "M009"


class Wrapped(keras.Model):
    def __init__(self, inner: keras.Model) -> None:
        super().__init__()
        self.inner, self.head = inner, layers.Dense(3)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.head(self.inner(x, training=training))


def models_in_models_in_code() -> Iterator[State]:
    """A Sequential model in a Functional one in a subclassed one, and an export of the middle one."""
    stem = keras.Sequential([rows(), layers.Dense(8, "relu"), layers.Dropout(0.1)], name="stem")
    x = rows()
    middle = keras.Model(x, layers.LayerNormalization()(stem(x)), name="middle")
    model = Wrapped(middle)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(ROWS, CLASSES, batch_size=8, verbose=0)
    models = {"stem": stem, "middle": middle, "model": model}
    yield models, None
    stem.trainable = False
    yield models, "M002"


def features_of_a_base() -> Iterator[State]:
    """A model on an inner layer of a base, as in the guide; then the base is frozen after the first fit."""
    base = keras.Sequential(
        [images(), layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(5, "relu")],
        name="base",
    )
    base = keras.Model(base.inputs, layers.Dense(10)(base.outputs[0]), name="base")
    features = keras.Model(base.inputs, base.layers[-3].output, name="features")
    model = keras.Model(features.inputs, layers.Dense(3)(features.outputs[0]), name="model")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(IMAGES, CLASSES, batch_size=8, verbose=0)
    models = {"base": base, "features": features, "model": model}
    yield models, None
    base.trainable = False
    yield models, "M002"


def moving_average() -> Iterator[State]:
    """An average of the weights in a copy of the network, as in the example on diffusion; or in the network itself."""
    x = rows()
    network = keras.Model(x, layers.Dense(6)(layers.Dense(8, "swish")(x)), name="network")
    network.compile("adam", "mse")
    network.train_on_batch(ROWS, ROWS)
    average = keras.models.clone_model(network)
    average.set_weights(network.get_weights())
    yield {"network": network, "ema_network": average}, None
    yield {"network": network, "ema_network": network}, "M009"


def vae_gan() -> Iterator[State]:
    """One decoder for an autoencoder and a generator, a judge that is set for each batch."""
    x, z = rows(), rows(2)
    encoder = keras.Model(x, layers.Dense(2)(layers.Dense(8, "relu")(x)), name="encoder")
    decoder = keras.Model(z, layers.Dense(6)(layers.Dense(8, "relu")(z)), name="decoder")
    judging = keras.Sequential([rows(), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")], name="judging")
    judging.compile("adam", "binary_crossentropy")
    judging.train_on_batch(ROWS, ONES)
    judging.trainable = False
    vae = keras.Model(x, decoder(encoder(x)), name="autoencoder")
    gan = keras.Model(z, judging(decoder(z)), name="generative")
    vae.compile("adam", "mse")
    gan.compile("adam", "binary_crossentropy")
    for _ in range(2):
        judging.trainable = True
        judging.train_on_batch(ROWS, ONES)
        judging.trainable = False
        vae.train_on_batch(ROWS, ROWS)
        gan.train_on_batch(ROWS[:, :2], ONES)
    yield {"encoder": encoder, "decoder": decoder, "judging": judging, "autoencoder": vae, "generative": gan}, None


def domain_adversarial() -> Iterator[State]:
    """A domain classifier on frozen features, compiled before and after these are frozen."""
    for late in (False, True):
        x = rows()
        features = keras.Sequential([rows(), layers.Dense(8, "relu"), layers.BatchNormalization()], name="features")
        labels = keras.Model(x, layers.Dense(3, "softmax")(features(x)), name="labels")
        domain = keras.Model(x, layers.Dense(1, "sigmoid")(features(x)), name="domain")
        if late:
            labels.compile("adam", "sparse_categorical_crossentropy")
        features.trainable = False
        domain.compile("adam", "binary_crossentropy")
        if not late:
            domain.train_on_batch(ROWS, ONES)
            features.trainable = True
            labels.compile("adam", "sparse_categorical_crossentropy")
            labels.train_on_batch(ROWS, CLASSES)
        yield {"features": features, "labels": labels, "domain": domain}, "M001" if late else None


def a_student_of_the_teacher() -> Iterator[State]:
    """A student with layers of its own, and one that is all of the teacher's layers."""
    x = rows()
    teacher = keras.Model(x, layers.Dense(3)(layers.Dense(16, "relu")(x)), name="teacher")
    teacher.trainable = False
    student = keras.Model(x, layers.Dense(3)(layers.Dense(4, "relu")(x)), name="student")
    student.compile("adam", "mse")
    student.fit(ROWS, teacher.predict(ROWS, verbose=0), batch_size=8, verbose=0)
    yield {"teacher": teacher, "student": student}, None
    same = keras.Sequential(teacher.layers, name="student")
    yield {"teacher": teacher, "student": same}, "M009"


SETS = (
    *(cycle_gan_of_combined_models, wasserstein_gan, autoencoder_of_code, actor_and_critic, simsiam_and_a_probe),
    *(momentum_encoder, unet_and_classifier, triplets, target_networks, models_in_models_in_code),
    *(features_of_a_base, moving_average, vae_gan, domain_adversarial, a_student_of_the_teacher),
)
