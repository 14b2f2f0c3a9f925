"""M001: a model that trains nothing, or less, because another one needs its layers frozen."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import FlagsRead
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import Begun, Training, owners, size, stopped, trainings

_MANY = 10


class FrozenForAnother(Rule):
    """A model is compiled to train layers that are frozen for another one before its first batch.

    ## What it does
    Finds a model that was compiled while some of its layers were trainable and has trained nothing yet, where these
    layers are frozen now and another model was compiled with them frozen.

    ## Why is this bad?
    Keras 3 reads `trainable` on the first batch, not in `compile`. The recipe of Keras 2 for a GAN (compile the
    discriminator, freeze it, compile the GAN) therefore trains a discriminator that never moves: `fit` says no more
    than that the model has no trainable weights. With PyTorch, or `run_eagerly`, it is read on each step, and with JAX
    for each `fit`: there a discriminator that has begun stops when it is frozen.

    ## Example
    ```python
    discriminator = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    noise = keras.Input((3,))
    gan = keras.Model(noise, discriminator(generator(noise)))

    discriminator.compile("adam", "binary_crossentropy")
    discriminator.trainable = False
    gan.compile("adam", "binary_crossentropy")
    models = {"discriminator": discriminator, "generator": generator, "gan": gan}
    ```

    ## Use instead
    ```python
    discriminator = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    noise = keras.Input((3,))
    gan = keras.Model(noise, discriminator(generator(noise)))

    discriminator.compile("adam", "binary_crossentropy")
    discriminator.train_on_batch(np.zeros((2, 4)), np.ones((2, 1)))
    discriminator.trainable = False
    gan.compile("adam", "binary_crossentropy")
    models = {"discriminator": discriminator, "generator": generator, "gan": gan}
    ```

    ## Fix
    None: train the one model on a first batch before freezing its layers for the other, or write one `train_step`
    for both. Where that has happened already, set `trainable = True`, compile again and train on one batch. With
    PyTorch, JAX or `run_eagerly`, set `trainable` before every batch of either.

    ## Not reported
    - a model that has trained its first batch with these layers: it goes on training them whatever the flags say, but
      for PyTorch, JAX and `run_eagerly`. There it is information, as the flags may be set for each batch; and a warning
      if the other model has made more than ten times as many steps;
    - a model that was compiled with its layers frozen, or has its own `train_step`;
    - layers that no other compiled model holds: then they were frozen for this one.
    """

    code = "M001"
    name = "frozen-for-another"
    severity = Severity.WARNING
    preview = True
    explains = ("T005",)
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for training in trainings(graph):
            member = training.member
            for other, lost in stopped(graph, training).items():
                again = training.begun is Begun.NOW and bool(training.variables)
                hint = (
                    f"Train {member.name} on one batch before freezing its layers for {other}, and compile it again if "
                    "that is too late; or write one train_step for both."
                )
                if again:
                    hint = f"Set trainable before each batch: True for {member.name}, and False for {other}."
                yield Problem(
                    f"{member.name} was compiled to train {size(graph, lost):,} parameters that are frozen "
                    f"{'now ' if again or training.begun is not Begun.NOW else ''}for {other}: " + _so(graph, training),
                    member.layer,
                    hint,
                    related=tuple(owners(graph, lost)[:10]),
                    key=f"{member.name} {other}",
                    severity=Severity.INFO if again and not _left_behind(graph, training, other) else None,
                )


def _so(graph: ModelGraph, training: Training) -> str:
    if training.begun is not Begun.NOW:
        return f"it would train {size(graph, training.variables):,} in all"
    if not training.variables:
        return "its flags were read meanwhile, and it trains none"
    if training.flags_read is FlagsRead.EACH_FIT:
        return "it trains them only while they are trainable, and raises otherwise"
    return "its flags are read on each step, and it trains them only while they are trainable"


def _left_behind(graph: ModelGraph, training: Training, other: str) -> bool:
    """Whether the other model has made so many more steps that this one cannot have trained in turn with it."""
    steps = next(one.steps for one in trainings(graph) if one.member.name == other)
    return steps > _MANY * max(1, training.steps)
