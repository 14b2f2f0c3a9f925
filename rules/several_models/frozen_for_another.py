"""M001: a model that trains nothing, or less, because another one needs its layers frozen."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import Begun, owners, size, stopped, trainings


class FrozenForAnother(Rule):
    """A model is compiled to train layers that are frozen for another one before its first batch.

    ## What it does
    Finds a model that was compiled while some of its layers were trainable and has trained nothing yet, where these
    layers are frozen now and another model was compiled with them frozen.

    ## Why is this bad?
    Keras 3 reads `trainable` on the first batch, not in `compile`. The recipe of Keras 2 for a GAN (compile the
    discriminator, freeze it, compile the GAN) therefore trains a discriminator that never moves: `fit` says no more
    than that the model has no trainable weights.

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
    for both. Where that has happened already, set `trainable = True`, compile again and train on one batch.

    ## Not reported
    - a model that has trained its first batch with these layers: it goes on training them whatever the flags say;
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
                begun = training.begun is Begun.NOW
                left = size(graph, training.variables)
                yield Problem(
                    f"{member.name} was compiled to train {size(graph, lost):,} parameters that are frozen "
                    f"{'' if begun else 'now '}for {other}: "
                    + (
                        "its flags were read meanwhile, and it trains none"
                        if begun
                        else f"it would train {left:,} in all"
                    ),
                    member.layer,
                    f"Train {member.name} on one batch before freezing its layers for {other}, and compile it again if "
                    "that is too late; or write one train_step for both.",
                    related=tuple(owners(graph, lost)[:10]),
                    key=f"{member.name} {other}",
                )
