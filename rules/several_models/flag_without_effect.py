"""M002: flags of shared layers that changed after a model began to train with them."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import FlagsRead
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import changed, owners, shared, size, trainings

_NOBODY = "neither it nor another of the models trains them"
_RAISES = "it raises when it trains, as its optimizer was built for others"


class FlagWithoutEffect(Rule):
    """A shared layer was frozen or unfrozen after a model began to train, which goes on as before.

    ## What it does
    Compares what the optimizer of a model was built for with the flags of the layers that it shares with other
    models.

    ## Why is this bad?
    Keras reads `trainable` on the first batch after `compile`. A backbone that is frozen later, through the model
    that holds it alone, is trained all the same by the model with the head; one that is unfrozen later is not. With JAX
    the next `fit` raises in both cases. With PyTorch, or `run_eagerly`, freezing works at once, and unfreezing raises.

    ## Example
    ```python
    inputs = keras.Input((4,))
    base = keras.Model(inputs, layers.Dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, layers.Dense(1)(base.outputs[0]))
    x, y = np.zeros((2, 4)), np.zeros((2, 1))

    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    base.trainable = False
    models = {"base": base, "model": model}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    base = keras.Model(inputs, layers.Dense(8, "relu", name="features")(inputs), name="base")
    model = keras.Model(base.inputs, layers.Dense(1)(base.outputs[0]))
    x, y = np.zeros((2, 4)), np.zeros((2, 1))

    base.trainable = False
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    models = {"base": base, "model": model}
    ```

    ## Fix
    None: compile the model again after changing the flags.

    ## Not reported
    - layers that are frozen for another model, which is compiled and does not train them, as the discriminator of a
      GAN;
    - layers that are unfrozen for another model, which trains them;
    - a model that has not begun to train, or has its own `train_step`;
    - layers that are frozen later where that works at once: with PyTorch and `run_eagerly`;
    - layers that no other of the models holds: T002 compares those.
    """

    code = "M002"
    name = "flag-without-effect"
    severity = Severity.WARNING
    preview = True
    explains = ("T002",)
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        both = shared(graph)
        for training in trainings(graph):
            found = changed(graph, training)
            raising = training.flags_read is not FlagsRead.ONCE
            for ids, text in (
                (found.frozen, f"are frozen now, and {_RAISES if raising else 'it goes on training them'}"),
                (found.thawed, f"are trainable now, and {_RAISES if raising else _NOBODY}"),
            ):
                mine = [one for one in ids if one in both]
                if mine:
                    holders = dict.fromkeys(one.name for v in mine for one in both[v] if one is not training.member)
                    yield Problem(
                        f"{'the optimizer of ' * raising}{training.member.name} "
                        f"{'was built' if raising else 'read the flags'} when it began to train: since then "
                        f"{size(graph, mine):,} parameters, which it shares with {', '.join(holders)}, {text}",
                        training.member.layer,
                        f"Compile {training.member.name} again after changing trainable.",
                        related=tuple(owners(graph, mine)[:10]),
                        key=text,
                    )
