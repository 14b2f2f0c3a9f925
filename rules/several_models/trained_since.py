"""M010: layers that differ between files which are otherwise equal."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.kin import kin


class TrainedSince(Rule):
    """Some layers were trained since another file was saved, and the others were not.

    ## What it does
    Compares the stored weights of several files, or of a file and a model in memory: where some layers are equal to
    the last bit, lists those of the same place and form that differ.

    ## Why is this bad?
    Files that were saved from models which shared their layers no longer share them: one that was trained on has
    moved, and the other has the weights of before. A head on a frozen backbone is meant to be so.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu", name="base"), layers.Dense(4, name="head")])
    model.save(tmp_path / "before.keras")
    model.get_layer("head").set_weights([np.ones((8, 4)), np.ones(4)])
    model.save(tmp_path / "after.keras")
    models = {"before": tmp_path / "before.keras", "after": tmp_path / "after.keras"}
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu", name="base"), layers.Dense(4, name="head")])
    model.save(tmp_path / "before.keras")
    model.save(tmp_path / "after.keras")
    models = {"before": tmp_path / "before.keras", "after": tmp_path / "after.keras"}
    ```

    ## Fix
    None: save the models again together, or one model that holds both (`graphlint.bundle`).

    ## Not reported
    - weights that are all of one number, and layers with fewer than 16 numbers that vary;
    - layers that only one of the files has.
    """

    code = "M010"
    name = "trained-since"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for pair in kin(graph):
            if not pair.retrained:
                continue
            layers = f"{len(pair.retrained)} layers differ" if len(pair.retrained) > 1 else "one layer differs"
            yield Problem(
                f"{pair.first} and {pair.second} have equal weights in {len(pair.equal)} layers ({pair.parameters:,} "
                f"parameters), and {layers}" + (", where the rest is frozen" if pair.frozen else ""),
                pair.retrained[0][1],
                "Save both again if they were to stay the same, or nothing if these layers were trained on purpose.",
                related=tuple(path for one in pair.retrained[:5] for path in one),
                key=f"{pair.first} {pair.second}",
            )
