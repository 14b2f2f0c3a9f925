"""X004: container structures that Keras never writes."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.advisories import endangers
from graphlint.model.address import ROOT
from graphlint.model.definition import ProblemKind
from graphlint.model.graph import ModelGraph


class ArchiveOrH5Trick(Rule):
    """The file has a structure that Keras never writes.

    ## What it does
    Reports irregularities that the readers found in the container: duplicate, escaping or hidden members of the zip
    archive, programs in it, data before or after it, a second format inside it, external and soft links, external and
    virtual datasets in the HDF5 file, attributes that occur twice or are shared, a model configuration in a file of
    weights, arrays that declare far more than they store, and in the configuration several models, duplicate keys,
    shapes that are not finite, numbers that overflow, and UTF-16 or UTF-32.

    ## Why is this bad?
    Such a file can be read as one model by one program and as another by the next, write outside the folder into which
    it is unpacked, read other files of the machine into the weights, or exhaust memory.

    ## Example
    ```python
    import zipfile

    path = tmp_path / "twice.keras"
    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside.txt", "written by whoever unpacks this")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    ```

    ## Fix
    None: do not load the file. If it is your own, load it in a sandbox and save it again with `model.save()`.

    ## Not reported
    Assets that Keras itself writes into the archive (vocabularies); infinity and NaN as arguments, which Keras writes
    as such (HGQ2 passes infinite bounds).

    ## References
    CVE-2025-12060, CVE-2026-1669, CVE-2026-0897, CVE-2026-12480
    """

    code = "X004"
    name = "archive-or-h5-trick"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset()

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for problem in graph.definition.problems:
            if problem.kind in (ProblemKind.ARCHIVE, ProblemKind.HDF5, ProblemKind.JSON):
                layer = graph.layer_of.get(id(problem.layer)) if problem.layer is not None else None
                whom = f"; endangers {endangers(problem.danger)}" if problem.danger is not None else ""
                yield Problem(
                    problem.message + whom,
                    layer or ROOT,
                    "Do not load the file unless you trust its source; save the model again from a trusted copy.",
                    key=problem.message,
                )
