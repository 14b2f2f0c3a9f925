"""Several models that share layers, as public code makes them: what happens in training, and what graphlint says of it.

    python tests/benchmarks/several_models.py            # all of it
    python tests/benchmarks/several_models.py recipes

A recipe (``recipes``) trains for a few steps, measures the symptom, and is checked as it stands before training and
after. The ``gate`` has sets that are rightly made, among them those of the examples of keras.io: no warning may be
there. The ``sets`` of `several_sets` are rightly made or have the classical fault; ``impact`` compares what is said to
depend on each of their layers with what changes when that is perturbed, and ``bundle`` bundles them. ``cost`` is that
of two models that share up to 10,000 calls, as definitions and, ``live``, in memory.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))

import warnings

import keras
import numpy as np
from keras import layers, ops

import graphlint

warnings.simplefilter("ignore")

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Z = np.random.default_rng(1).normal(size=(16, 3)).astype("float32")
ONES = np.ones((16, 1), "float32")
Y = np.random.default_rng(2).normal(size=(16, 1)).astype("float32")


def moved(what: keras.Layer, step: Callable[[], Any]) -> float:
    """By how much the weights of a layer or model move at most during a step."""
    before = [ops.convert_to_numpy(one).copy() for one in what.weights]
    step()
    after = [ops.convert_to_numpy(one) for one in what.weights]
    return max((float(np.abs(a - b).max()) for a, b in zip(before, after, strict=True)), default=0.0)


def dense(units: int, activation: str | None = None, **settings: Any) -> keras.layers.Dense:
    return layers.Dense(units, activation, **settings)


def gan_parts() -> tuple[keras.Model, keras.Model]:
    discriminator = keras.Sequential([keras.Input((4,)), dense(8, "relu"), dense(1, "sigmoid")], name="discriminator")
    generator = keras.Sequential([keras.Input((3,)), dense(8, "relu"), dense(4)], name="generator")
    return discriminator, generator


def combined(discriminator: keras.Model, generator: keras.Model) -> keras.Model:
    noise = keras.Input((3,))
    gan = keras.Model(noise, discriminator(generator(noise)), name="gan")
    gan.compile("adam", "binary_crossentropy")
    return gan


Recipe = tuple[str, dict[str, Any], str, str | None]
"""Symptom in words, the models, when they are checked, and the code that names it; None where nothing may be said."""


def gan_frozen_late() -> Iterator[Recipe]:
    discriminator, generator = gan_parts()
    discriminator.compile("adam", "binary_crossentropy")
    discriminator.trainable = False
    models = {"discriminator": discriminator, "generator": generator, "gan": combined(discriminator, generator)}
    yield "", models, "before", "M001"
    step = moved(discriminator, lambda: discriminator.train_on_batch(X, ONES))
    models["gan"].train_on_batch(Z, ONES)
    yield f"the discriminator moves by {step:.1g}", models, "after one batch of each", "M001"


def gan_in_the_right_order() -> Iterator[Recipe]:
    discriminator, generator = gan_parts()
    discriminator.compile("adam", "binary_crossentropy")
    discriminator.train_on_batch(X, ONES)
    discriminator.trainable = False
    gan = combined(discriminator, generator)
    models = {"discriminator": discriminator, "generator": generator, "gan": gan}
    yield "", models, "before gan trains", None
    one = moved(discriminator, lambda: gan.train_on_batch(Z, ONES))
    other = moved(discriminator, lambda: discriminator.train_on_batch(X, ONES))
    yield f"gan moves it by {one:.1g}, its own batch by {other:.1g}", models, "after", None
    discriminator.trainable = True
    one = moved(discriminator, lambda: gan.train_on_batch(Z, ONES))
    yield f"flag set again: gan moves it by {one:.1g}", models, "flag toggled", None


def gan_not_frozen() -> Iterator[Recipe]:
    discriminator, generator = gan_parts()
    discriminator.compile("adam", "binary_crossentropy")
    gan = combined(discriminator, generator)
    step = moved(discriminator, lambda: gan.train_on_batch(Z, ONES))
    models = {"discriminator": discriminator, "generator": generator, "gan": gan}
    yield f"gan moves the discriminator by {step:.1g}", models, "after", "M003"


def autoencoder_and_encoder() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    code = dense(2, "relu", name="code")(inputs)
    encoder = keras.Model(inputs, code, name="encoder")
    autoencoder = keras.Model(inputs, dense(4, name="decoded")(code), name="autoencoder")
    autoencoder.compile("adam", "mse")
    step = moved(encoder, lambda: autoencoder.fit(X, X, verbose=0))
    yield f"training one moves the other by {step:.1g}", {"autoencoder": autoencoder, "encoder": encoder}, "after", None


def head_frozen_after_compile() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    base = keras.Model(inputs, dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, dense(1, name="head")(base.outputs[0]), name="model")
    models = {"base": base, "model": model}
    model.compile("adam", "mse")
    base.trainable = False
    step = moved(base, lambda: model.fit(X, Y, verbose=0))
    yield f"frozen after compile, before fit: the base moves by {step:.1g}", models, "after", None


def head_frozen_after_fit() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    base = keras.Model(inputs, dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, dense(1, name="head")(base.outputs[0]), name="model")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    base.trainable = False
    step = moved(base, lambda: model.fit(X, Y, verbose=0))
    yield f"frozen after a first fit: the base moves by {step:.1g}", {"base": base, "model": model}, "after", "M002"


def head_unfrozen_without_compiling() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    base = keras.Model(inputs, dense(8, "relu", name="features")(inputs), name="base")
    base.trainable = False
    model = keras.Model(base.inputs, dense(1, name="head")(base.outputs[0]), name="model")
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    base.trainable = True
    step = moved(base, lambda: model.fit(X, Y, verbose=0))
    yield f"unfrozen after a first fit: the base moves by {step:.1g}", {"base": base, "model": model}, "after", "M002"


def dqn_with_one_object() -> Iterator[Recipe]:
    online = keras.Sequential([keras.Input((4,)), dense(8, "relu"), dense(2)], name="q")
    target = online
    online.compile("adam", "mse")
    step = moved(target, lambda: online.train_on_batch(X, np.zeros((16, 2))))
    yield f"the target moves by {step:.1g}", {"model": online, "target_model": target}, "after", "M009"


def siamese_and_serving() -> Iterator[Recipe]:
    pixels = keras.Input((4,))
    encoder = keras.Model(pixels, dense(8, "relu", name="code")(pixels), name="encoder")
    left, right = keras.Input((4,)), keras.Input((4,))
    scaled = layers.Rescaling(1 / 255, name="scaled")
    distance = layers.Subtract()([encoder(scaled(left)), encoder(scaled(right))])
    siamese = keras.Model([left, right], dense(1, "sigmoid")(distance), name="siamese")
    siamese.compile("adam", "binary_crossentropy")
    siamese.train_on_batch([X, X], ONES)
    served = keras.Model(pixels, encoder.get_layer("code")(pixels), name="serving")
    gap = float(np.abs(served.predict(X * 255, verbose=0) - encoder.predict(X, verbose=0)).max())
    yield f"served without the rescaling: off by {gap:.3g}", {"siamese": siamese, "serving": served}, "after", "M008"


class Distiller(keras.Model):
    """As in the example of keras.io."""

    def __init__(self, student: keras.Model, teacher: keras.Model) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        teacher = self.teacher(x, training=False)
        return ops.mean(keras.losses.mean_squared_error(teacher, y_pred)) + ops.mean(
            keras.losses.mean_squared_error(y, y_pred)
        )

    def call(self, x: Any) -> Any:
        return self.student(x)


def distillation_with_one_model() -> Iterator[Recipe]:
    teacher = keras.Sequential([keras.Input((4,)), dense(8, "relu"), dense(1)], name="teacher")
    student = keras.Model(teacher.inputs, teacher.outputs, name="student")
    distiller = Distiller(student, teacher)
    distiller.compile("adam", "mse")
    step = moved(teacher, lambda: distiller.fit(X, Y, verbose=0))
    models = {"teacher": teacher, "student": student, "distiller": distiller}
    yield f"the teacher, of the same layers, moves by {step:.1g}", models, "after", "M009"


def tasks_that_alternate() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    trunk = dense(8, "relu", name="trunk")(inputs)
    first = keras.Model(inputs, dense(1)(trunk), name="first")
    second = keras.Model(inputs, dense(1)(trunk), name="second")
    first.compile("adam", "mse")
    second.compile("adam", "mse")
    first.fit(X, Y, epochs=30, verbose=0)
    before = first.evaluate(X, Y, verbose=0)
    second.fit(X, -Y, epochs=30, verbose=0)
    after = first.evaluate(X, Y, verbose=0)
    yield (
        f"loss of the first {before:.3g}, after the second {after:.3g}",
        {"first": first, "second": second},
        "",
        "M003",
    )


def fine_tuned_after_contrastive_training() -> Iterator[Recipe]:
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, dense(8, "relu", name="code")(inputs), name="encoder")
    probe = keras.Model(inputs, dense(1, name="probe")(encoder(inputs)), name="linear_probe")
    encoder.trainable = False
    probe.compile("adam", "mse")
    probe.fit(X, Y, epochs=30, verbose=0)
    before = probe.evaluate(X, Y, verbose=0)
    encoder.trainable = True
    tuned = keras.Model(inputs, dense(3, name="classes")(encoder(inputs)), name="fine_tuned")
    tuned.compile("adam", "mse")
    tuned.fit(X, np.repeat(Y, 3, 1), epochs=30, verbose=0)
    after = probe.evaluate(X, Y, verbose=0)
    models = {"encoder": encoder, "linear_probe": probe, "fine_tuned": tuned}
    yield f"loss of the probe {before:.3g}, after fine-tuning {after:.3g}", models, "after", "M004"


RECIPES = (
    gan_frozen_late,
    gan_in_the_right_order,
    gan_not_frozen,
    autoencoder_and_encoder,
    head_frozen_after_compile,
    head_frozen_after_fit,
    head_unfrozen_without_compiling,
    dqn_with_one_object,
    siamese_and_serving,
    distillation_with_one_model,
    tasks_that_alternate,
    fine_tuned_after_contrastive_training,
)


def checked(models: dict[str, Any]) -> graphlint.Report:
    return graphlint.check(models, preview=True)


def recipes() -> int:
    """Print the table; the number of recipes of which graphlint says something else than expected."""
    wrong = 0
    print("| recipe | checked | symptom, measured | findings over the models | warnings |")
    print("|---|---|---|---|---|")
    for recipe in RECIPES:
        keras.utils.set_random_seed(0)
        for symptom, models, when, code in recipe():
            report = checked(models)
            over = [one for one in report.findings if one.code.startswith("M")]
            loud = [one for one in report.findings if one.severity != "info"]
            named = code in {one.code for one in over} if code else not loud
            wrong += not named
            codes = " ".join(sorted({f"{one.code} {one.severity}" for one in over}))
            rest = " ".join(f"{one.code} at {one.model}" for one in loud)
            print(f"| {recipe.__name__} | {when} | {symptom} | {codes} | {rest or '-'} |" + ("" if named else " WRONG"))
    return wrong


# -- rightly made -----------------------------------------------------------------------------------------------


class GAN(keras.Model):
    """The training step of the GAN of keras.io."""

    def __init__(self, discriminator: keras.Model, generator: keras.Model) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.seed = keras.random.SeedGenerator(1)

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def train_step(self, real: Any) -> dict[str, Any]:
        import tensorflow as tf

        size = ops.shape(real)[0]
        fake = self.generator(keras.random.normal((size, 3), seed=self.seed))
        images = ops.concatenate([fake, real], axis=0)
        labels = ops.concatenate([ops.ones((size, 1)), ops.zeros((size, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(images))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            predictions = self.discriminator(self.generator(keras.random.normal((size, 3), seed=self.seed)))
            g_loss = self.loss_fn(ops.zeros((size, 1)), predictions)
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        return {"d_loss": d_loss, "g_loss": g_loss}

    def call(self, x: Any) -> Any:
        return self.discriminator(x)


def keras_io_gan() -> Iterator[dict[str, Any]]:
    discriminator, generator = gan_parts()
    gan = GAN(discriminator, generator)
    models = {"gan": gan, "discriminator": discriminator, "generator": generator}
    loss = keras.losses.BinaryCrossentropy()
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), loss)
    yield {name: models[name] for name in ("discriminator", "generator")}
    gan.fit(X, verbose=0)
    yield models


def gan_with_two_compiled_models() -> Iterator[dict[str, Any]]:
    for _, models, _, _ in gan_in_the_right_order():
        yield models


class Sampling(layers.Layer):
    """The layer of the VAE of keras.io."""

    def call(self, inputs: Any) -> Any:
        mean, variance = inputs
        return mean + ops.exp(0.5 * variance) * keras.random.normal(ops.shape(mean), seed=1)


class VAE(keras.Model):
    """The training step of the VAE of keras.io."""

    def __init__(self, encoder: keras.Model, decoder: keras.Model) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            mean, variance, z = self.encoder(data)
            loss = ops.mean(keras.losses.mean_squared_error(data, self.decoder(z)))
            loss += ops.mean(-0.5 * (1 + variance - ops.square(mean) - ops.exp(variance)))
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
        )
        return {"loss": loss}

    def call(self, x: Any) -> Any:
        return self.decoder(self.encoder(x)[2])


def keras_io_vae() -> Iterator[dict[str, Any]]:
    inputs = keras.Input((4,))
    hidden = dense(8, "relu")(inputs)
    mean, variance = dense(2, name="z_mean")(hidden), dense(2, name="z_log_var")(hidden)
    encoder = keras.Model(inputs, [mean, variance, Sampling()([mean, variance])], name="encoder")
    codes = keras.Input((2,))
    decoder = keras.Model(codes, dense(4)(dense(8, "relu")(codes)), name="decoder")
    vae = VAE(encoder, decoder)
    vae.compile("adam")
    yield {"encoder": encoder, "decoder": decoder, "vae": vae}
    vae.fit(X, verbose=0)
    yield {"encoder": encoder, "decoder": decoder, "vae": vae}


def keras_io_dqn() -> Iterator[dict[str, Any]]:
    """As in the example: two models from one function, an optimizer in the loop, weights copied over."""

    def create() -> keras.Model:
        return keras.Sequential([keras.Input((4,)), dense(8, "relu"), dense(2)])

    model, target = create(), create()
    target.set_weights(model.get_weights())
    yield {"model": model, "model_target": target}
    model.compile("adam", "mse")
    model.train_on_batch(X, np.zeros((16, 2)))
    yield {"model": model, "model_target": target}


def encoder_with_statistics() -> keras.Model:
    return keras.Sequential(
        [keras.Input((4,)), dense(8), layers.BatchNormalization(), layers.ReLU(), dense(8, "relu")], name="encoder"
    )


class Contrastive(keras.Model):
    """The training step of SimCLR, as in the example of keras.io on semi-supervised contrastive learning."""

    def __init__(self, encoder: keras.Model, head: keras.Model, probe: keras.Model) -> None:
        super().__init__()
        self.encoder, self.head, self.probe = encoder, head, probe

    def compile(self, contrastive_optimizer: Any, probe_optimizer: Any) -> None:
        super().compile()
        self.contrastive_optimizer = contrastive_optimizer
        self.probe_optimizer = probe_optimizer

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        x, y = data
        weights = self.encoder.trainable_weights + self.head.trainable_weights
        with tf.GradientTape() as tape:
            one, other = self.head(self.encoder(x, training=True)), self.head(self.encoder(x + 0.1, training=True))
            loss = -ops.mean(ops.sum(one * other, axis=-1)) + ops.mean(ops.square(one)) + ops.mean(ops.square(other))
        self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            probe_loss = ops.mean(keras.losses.mean_squared_error(y, self.probe(self.encoder(x, training=False))))
        weights = self.probe.trainable_weights
        self.probe_optimizer.apply_gradients(zip(tape.gradient(probe_loss, weights), weights, strict=True))
        return {"loss": loss}

    def call(self, x: Any) -> Any:
        return self.head(self.encoder(x))


def keras_io_simclr() -> Iterator[dict[str, Any]]:
    encoder = encoder_with_statistics()
    head = keras.Sequential([keras.Input((8,)), dense(8, "relu"), dense(8)], name="projection_head")
    probe = keras.Sequential([keras.Input((8,)), dense(1)], name="linear_probe")
    model = Contrastive(encoder, head, probe)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    yield {"model": model, "encoder": encoder, "head": head, "probe": probe}
    model.fit(X, Y, verbose=0)
    tuned = keras.Sequential([keras.Input((4,)), encoder, dense(1)], name="finetuning_model")
    tuned.compile("adam", "mse")
    tuned.fit(X, Y, verbose=0)
    yield {"model": model, "encoder": encoder, "head": head, "finetuning_model": tuned}


def byol() -> Iterator[dict[str, Any]]:
    """Online and target networks, the target a moving average of the online one; then a linear probe."""
    online, target = encoder_with_statistics(), keras.models.clone_model(encoder_with_statistics())
    target.trainable = False
    target.set_weights(online.get_weights())
    predictor = keras.Sequential([keras.Input((8,)), dense(8)], name="predictor")
    inputs = keras.Input((4,))
    student = keras.Model(inputs, predictor(online(inputs)), name="student")
    student.compile("adam", "mse")
    student.fit(X, target.predict(X, verbose=0), verbose=0)
    target.set_weights([0.9 * a + 0.1 * b for a, b in zip(target.get_weights(), online.get_weights(), strict=True)])
    yield {"online": online, "target": target, "predictor": predictor, "student": student}
    online.trainable = False
    probe = keras.Model(inputs, dense(1)(online(inputs)), name="probe")
    probe.compile("adam", "mse")
    probe.fit(X, Y, verbose=0)
    yield {"online": online, "target": target, "predictor": predictor, "probe": probe}


def keras_io_distillation() -> Iterator[dict[str, Any]]:
    teacher = keras.Sequential([keras.Input((4,)), dense(16, "relu"), dense(1)], name="teacher")
    student = keras.Sequential([keras.Input((4,)), dense(4, "relu"), dense(1)], name="student")
    teacher.compile("adam", "mse")
    teacher.fit(X, Y, verbose=0)
    distiller = Distiller(student, teacher)
    distiller.compile("adam", "mse")
    yield {"teacher": teacher, "student": student, "distiller": distiller}
    distiller.fit(X, Y, verbose=0)
    scratch = keras.models.clone_model(student)
    scratch.compile("adam", "mse")
    scratch.fit(X, Y, verbose=0)
    yield {"teacher": teacher, "student": student, "distiller": distiller, "student_scratch": scratch}


class CycleGAN(keras.Model):
    """The training step of the CycleGAN of keras.io: four models, four optimizers."""

    def __init__(self, parts: dict[str, keras.Model]) -> None:
        super().__init__()
        self.gen_G, self.gen_F = parts["gen_G"], parts["gen_F"]
        self.disc_X, self.disc_Y = parts["disc_X"], parts["disc_Y"]

    def compile(self, **optimizers: Any) -> None:
        super().compile()
        self.gen_G_optimizer, self.gen_F_optimizer = optimizers["gen_G"], optimizers["gen_F"]
        self.disc_X_optimizer, self.disc_Y_optimizer = optimizers["disc_X"], optimizers["disc_Y"]

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        real_x, real_y = data
        with tf.GradientTape(persistent=True) as tape:
            fake_y, fake_x = self.gen_G(real_x), self.gen_F(real_y)
            cycle = ops.mean(ops.abs(self.gen_F(fake_y) - real_x)) + ops.mean(ops.abs(self.gen_G(fake_x) - real_y))
            fool = ops.mean(ops.square(1 - self.disc_Y(fake_y))) + ops.mean(ops.square(1 - self.disc_X(fake_x)))
            tell_x = ops.mean(ops.square(1 - self.disc_X(real_x))) + ops.mean(ops.square(self.disc_X(fake_x)))
            tell_y = ops.mean(ops.square(1 - self.disc_Y(real_y))) + ops.mean(ops.square(self.disc_Y(fake_y)))
            loss = cycle + fool
        for part, optimizer, one in (
            (self.gen_G, self.gen_G_optimizer, loss),
            (self.gen_F, self.gen_F_optimizer, loss),
            (self.disc_X, self.disc_X_optimizer, tell_x),
            (self.disc_Y, self.disc_Y_optimizer, tell_y),
        ):
            weights = part.trainable_weights
            optimizer.apply_gradients(zip(tape.gradient(one, weights), weights, strict=True))
        return {"loss": loss}

    def call(self, x: Any) -> Any:
        return self.gen_G(x)


def keras_io_cycle_gan() -> Iterator[dict[str, Any]]:
    parts = {
        name: keras.Sequential([keras.Input((4,)), dense(8, "relu"), dense(units)], name=name)
        for name, units in (("gen_G", 4), ("gen_F", 4), ("disc_X", 1), ("disc_Y", 1))
    }
    model = CycleGAN(parts)
    model.compile(**{name: keras.optimizers.Adam() for name in parts})
    yield {"cycle_gan": model, **parts}
    model.fit(X, X[::-1].copy(), verbose=0)
    yield {"cycle_gan": model, **parts}


def transfer_learning() -> Iterator[dict[str, Any]]:
    """The guide of keras.io: train a head on a frozen base, unfreeze, compile again, fine-tune; export with a scale."""
    base = encoder_with_statistics()
    base.trainable = False
    inputs = keras.Input((4,))
    model = keras.Model(inputs, dense(1)(base(inputs, training=False)), name="model")
    model.compile("adam", "mse")
    yield {"base": base, "model": model}
    model.fit(X, Y, verbose=0)
    yield {"base": base, "model": model}
    base.trainable = True
    model.compile(keras.optimizers.Adam(1e-5), "mse")
    yield {"base": base, "model": model}
    model.fit(X, Y, verbose=0)
    raw = keras.Input((4,))
    export = keras.Model(raw, model(layers.Rescaling(1 / 255)(raw)), name="export")
    yield {"base": base, "model": model, "export": export}


def tasks_on_one_trunk() -> Iterator[dict[str, Any]]:
    for _, models, _, _ in tasks_that_alternate():
        yield models


def autoencoder_with_its_parts() -> Iterator[dict[str, Any]]:
    for _, models, _, _ in autoencoder_and_encoder():
        yield models


GATE = (
    keras_io_gan,
    gan_with_two_compiled_models,
    keras_io_vae,
    keras_io_dqn,
    keras_io_simclr,
    byol,
    keras_io_distillation,
    keras_io_cycle_gan,
    transfer_learning,
    tasks_on_one_trunk,
    autoencoder_with_its_parts,
)
_OWN_CLASSES = ("K",)
"""What is said of saving a class that is defined here is not about several models."""


def gate() -> int:
    """Print every warning on a set that is rightly made; how many there are."""
    total = sets = 0
    for made in GATE:
        keras.utils.set_random_seed(0)
        infos: set[str] = set()
        for models in made():
            sets += 1
            report = checked(models)
            for one in report.findings:
                if one.severity == "info":
                    infos |= {one.code} if one.code.startswith("M") else set()
                elif not one.code.startswith(_OWN_CLASSES):
                    total += 1
                    print(f"{made.__name__}: {one.code} in {one.model}: {one.message}")
        print(f"{made.__name__}: {' '.join(sorted(infos)) or 'nothing'} as information")
    print(f"{total} warnings or errors in {sets} states of {len(GATE)} sets")
    return total


def cost() -> None:
    """Two models that share up to 10,000 calls, as definitions: Keras takes minutes to make such models."""
    from graphlint.engine.linter import Linter
    from graphlint.engine.selection import Selection
    from graphlint.model.expand import expand
    from graphlint.model.several import several
    from tests.model.definitions import call, definition, input_call, layer, model

    for count in (1000, 2000, 5000, 10_000):
        stack = [layer(f"d{number}", size=4) for number in range(count)]
        for one in stack:
            one.obj = object()
            for variable in one.variables:
                variable.obj = object()
        definitions = {}
        for name in ("first", "second"):
            calls = [input_call("x"), *(call(one, place) for place, one in enumerate(stack))]
            definitions[name] = definition(model(name, calls, [0], [count]))
            definitions[name].has_weights = True
        start = time.process_time()
        alone = expand(definitions["first"])
        one_done = time.process_time()
        graph = expand(several(definitions))
        both_done = time.process_time()
        report = Linter(overrides=Selection(select=("M",)), preview=True).check_graph(graph, "both")
        done = time.process_time()
        assert report.together is not None
        print(
            f"{count:,} shared calls: graph of one {one_done - start:.2f} s ({len(alone.calls):,} calls), of both "
            f"{both_done - one_done:.2f} s ({len(graph.calls):,} calls, {len(graph.variables):,} variables); report "
            f"and rules over both {done - both_done:.2f} s; {len(report.together.shared):,} shared layers"
        )


def live() -> None:
    """The same in memory. Keras takes minutes to make 10,000 layers, and enters a chain by recursion: so these are
    towers of 100 calls side by side, of which every pair of models has the first ones. What Keras takes to make them
    is not counted."""
    from graphlint.sources.live import read_live

    inputs = keras.Input((4,))
    ends: list[Any] = []
    for count in (100, 1000, 2000, 5000, 10_000):
        while len(ends) * 100 < count:
            tensor = inputs
            for number in range(100):
                tensor = dense(4, kernel_initializer="zeros", name=f"d{len(ends)}_{number}")(tensor)
            ends.append(tensor)
        joined = layers.Concatenate()(ends) if len(ends) > 1 else ends[0]
        models = {"first": keras.Model(inputs, ends), "second": keras.Model(inputs, dense(1)(joined))}
        for model in models.values():
            model.compile("sgd", "mse")
        start = time.process_time()
        definitions = [read_live(model) for model in models.values()]
        read = time.process_time() - start
        del definitions
        start = time.process_time()
        single = graphlint.check(models["first"])
        one = time.process_time() - start
        start = time.process_time()
        report = graphlint.check(models)
        both = time.process_time() - start
        start = time.process_time()
        found = graphlint.impact(models, "first:d0_0")
        reach = time.process_time() - start
        together = report.models[-1].together
        assert together is not None and single.models
        if count > 100:  # The first is for what is imported and cached once.
            print(
                f"{count:,} shared calls in memory: reading both {read:.2f} s; check of one {one:.2f} s, of both with "
                f"the rules over both {both:.2f} s ({both / count * 1000:.2f} ms a call); impact {reach:.2f} s "
                f"({sum(len(part.calls) for part in found.models):,} calls depend on one)"
            )


def sets() -> int:
    """Check the sets of `several_sets`; how many of which something else is said than expected."""
    from tests.benchmarks.several_sets import SETS

    wrong = 0
    print("| set | state | expected | findings over the models | warnings |")
    print("|---|---|---|---|---|")
    for made in SETS:
        keras.utils.set_random_seed(0)
        for number, (models, code) in enumerate(made()):
            report = graphlint.check(models)
            loud = [one for one in report.findings if one.severity != "info" and not one.code.startswith(_OWN_CLASSES)]
            good = code in {one.code for one in loud} if code else not loud
            wrong += not good
            over = " ".join(sorted({one.code for one in report.findings if one.code.startswith("M")}))
            rest = " ".join(sorted({f"{one.code} at {one.model}" for one in loud})) or "-"
            print(f"| {made.__name__} | {number} | {code or 'clean'} | {over} | {rest} |" + ("" if good else " WRONG"))
    return wrong


def outputs(model: keras.Model) -> list[np.ndarray]:
    """What a model returns for a batch that is random and always the same; nothing if it was never called."""
    from graphlint.tracing.inputs import known_arguments

    known = known_arguments(model, None)
    if known is None:
        return []
    random = np.random.default_rng(1)

    def numbers(tensor: Any) -> np.ndarray:
        return random.normal(size=(3, *tensor.shape[1:])).astype(tensor.dtype)

    args = keras.tree.map_structure(numbers, known[0])
    return [ops.convert_to_numpy(one) for one in keras.tree.flatten(model(*args))]


def differing(one: list[np.ndarray], other: list[np.ndarray]) -> int:
    return sum(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def impact() -> int:
    """Perturb every layer of every set, and count in how many models other outputs change than are named."""
    from graphlint.api import read_graph
    from graphlint.questions.impact import impact as depends
    from tests.benchmarks.several_sets import SETS

    wrong = checked_layers = checked_models = 0
    for made in SETS:
        keras.utils.set_random_seed(0)
        models = next(made())[0]
        before = {name: outputs(model) for name, model in models.items()}
        steady = [name for name, one in models.items() if before[name] and not differing(before[name], outputs(one))]
        graph = read_graph(models, open_layers=True)
        for path in [path for path in graph.layers if graph.variables_of(path)]:
            weights = [one for one in graph.layers[path].obj.variables if "float" in one.dtype]
            if not weights:
                continue
            named = {one.name: len(one.outputs) for one in depends(graph, path).models}
            old = [ops.convert_to_numpy(one).copy() for one in weights]
            for one, value in zip(weights, old, strict=True):
                one.assign(value + 0.37)
            for name in steady:
                changed = differing(before[name], outputs(models[name]))
                checked_models += 1
                if changed != named.get(name, 0):
                    wrong += 1
                    print(f"{made.__name__}: {path}: {changed} outputs of {name} change, {named.get(name, 0)} named")
            for one, value in zip(weights, old, strict=True):
                one.assign(value)
            checked_layers += 1
    print(f"impact: {checked_layers} layers of {len(SETS)} sets perturbed, in {checked_models} models; {wrong} wrong")
    return wrong


def bundle() -> int:
    """Bundle every set, save and load it, and compare; models that no graph can call are refused."""
    import tempfile

    from tests.benchmarks import several_sets

    wrong = refused = 0
    classes = {one.__name__: one for one in vars(several_sets).values() if isinstance(one, type)}
    for made in several_sets.SETS:
        keras.utils.set_random_seed(0)
        models = next(made())[0]
        before = {name: outputs(model) for name, model in models.items()}
        steady = [name for name, one in models.items() if before[name] and not differing(before[name], outputs(one))]
        count = len({id(one) for model in models.values() for one in model.weights})
        try:
            both = graphlint.bundle(models)
        except graphlint.GraphlintError as error:
            refused += 1
            print(f"{made.__name__}: refused: {error}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            both.save(f"{folder}/both.keras")
            loaded = keras.models.load_model(f"{folder}/both.keras", custom_objects=classes)
        for one in (both, loaded):
            back = graphlint.unbundle(one)
            held = len({id(variable) for model in back.values() for variable in model.weights})
            same = all(differing(before[name], outputs(back[name])) == 0 for name in steady)
            if held != count or len(one.weights) != count or not same:
                wrong += 1
                print(f"{made.__name__}: {count} variables became {len(one.weights)} and {held}, same outputs: {same}")
    print(f"bundle: {len(several_sets.SETS)} sets, {refused} refused, {wrong} wrong")
    return wrong


def main() -> int:
    commands: dict[str, Callable[[], int | None]]
    commands = {"recipes": recipes, "gate": gate, "sets": sets, "impact": impact, "bundle": bundle}
    commands |= {"cost": cost, "live": live}
    asked = sys.argv[1:] or list(commands)
    return int(sum(commands[one]() or 0 for one in asked) > 0)


if __name__ == "__main__":
    sys.exit(main())
