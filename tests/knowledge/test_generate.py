"""The tables of Keras releases, written from sources that nobody imports."""

import importlib.metadata
import zipfile

import pytest

from graphlint.knowledge import generate
from graphlint.knowledge.patches import PATCHES, Patch
from graphlint.knowledge.release_sources import KerasSources
from graphlint.knowledge.releases import RELEASES
from graphlint.knowledge.tables import KINDS, column_of, parse_table, read_columns, render_table

SOURCES = {
    "version": '__version__ = "3.0.5"',
    "layers.layer": """
        class Layer(Operation):
            def __init__(self, *, trainable=True, dtype=None, name=None, **kwargs):
                self.shape = kwargs.pop("input_shape", None)
                if kwargs:
                    raise ValueError(kwargs)
    """,
    "layers.core": """
        from keras.src import layers
        from keras.src.layers.layer import Layer

        class Dense(Layer):
            def __init__(self, units, lora_rank=None, **kwargs):
                super().__init__(**kwargs)

        class Convolution(Layer):
            def __init__(self, rank, filters, name=None, **kwargs):
                super().__init__(name=name, **kwargs)

        class Conv1D(Convolution):
            def __init__(self, filters, **kwargs):
                super().__init__(1, filters=filters, **kwargs)

            @classmethod
            def from_config(cls, config):
                config.pop("time_major", None)
                return cls(**config)

        class Regularizing(Layer):
            def __init__(self, **kwargs):
                Layer.__init__(self, dtype="float32", **kwargs)

        class Closed(Layer):
            def __init__(self, rate, name=None):
                super().__init__(name=name)

        class Open(Layer):
            def __init__(self, rate, **kwargs):
                super().__init__()

        def concatenate(inputs):
            return inputs
    """,
    "ops.operation": """
        class Operation:
            def __init__(self, name=None):
                pass
    """,
    "ops.numpy": """
        from keras.src.ops.operation import Operation

        class Mean(Operation):
            def __init__(self, axis=None, *, name=None):
                super().__init__(name=name)

        class Helper:
            pass
    """,
    "activations": """
        def relu(x):
            return x

        def silu(x):
            return x

        ALL_OBJECTS = {relu, silu}
        ALL_OBJECTS_DICT = {fn.__name__: fn for fn in ALL_OBJECTS}
        ALL_OBJECTS_DICT["swish"] = silu
    """,
    "losses": """
        from keras.src.losses.losses import MeanSquaredError
        from keras.src.losses.losses import mean_squared_error

        ALL_OBJECTS = {MeanSquaredError, mean_squared_error}
        ALL_OBJECTS_DICT = {one.__name__: one for one in ALL_OBJECTS}
        ALL_OBJECTS_DICT.update({"mse": mean_squared_error})
    """,
    "losses.losses": """
        class MeanSquaredError:
            def __init__(self, reduction="sum"):
                pass

        def mean_squared_error(y_true, y_pred):
            return y_true
    """,
    "losses.loss": """
        def standardize_reduction(reduction):
            allowed = {"sum", None, "none"}
            if reduction not in allowed:
                raise ValueError(reduction)
    """,
    "dtype_policies.dtype_policy": """
        QUANTIZATION_MODES = ("int8",)

        class DTypePolicy:
            def __init__(self, name):
                pass
    """,
    "others": """
        class Zeros:
            pass

        class L2:
            def __init__(self, l2=0.01):
                pass

        class NonNeg:
            pass

        class BinaryIoU:
            def __init__(self, threshold=0.5, name=None):
                pass

        if backend.backend() == "tensorflow":
            class BackendOptimizer:
                def __init__(self, learning_rate, **kwargs):
                    if kwargs.pop("decay", None):
                        raise ValueError
                    if kwargs:
                        raise ValueError
        else:
            class BackendOptimizer:
                pass

        class SGD(BackendOptimizer):
            def __init__(self, momentum=0.0, **kwargs):
                super().__init__(learning_rate=0.1, **kwargs)
    """,
    "metrics": """
        from keras.src.others import BinaryIoU

        ALL_OBJECTS = {BinaryIoU}
    """,
}
EXPORTS = {
    "layers": {
        "layers.layer": "Layer",
        "layers.core": "Dense, Conv1D, Conv1D as Convolution1D, Regularizing, Closed, Open, concatenate",
    },
    "activations": {"activations": "relu, silu"},
    "losses": {"losses.losses": "MeanSquaredError, mean_squared_error"},
    "metrics": {"others": "BinaryIoU"},
    "initializers": {"others": "Zeros"},
    "regularizers": {"others": "L2"},
    "constraints": {"others": "NonNeg"},
    "optimizers": {"others": "SGD"},
    "dtype_policies": {"dtype_policies.dtype_policy": "DTypePolicy"},
}
PACKAGES = ("activations", "losses", "metrics")


def write_sources(folder, api="", replace=()):
    """A small Keras of its own, with some texts replaced, each in all of its sources."""
    for module, text in SOURCES.items():
        for old, new in replace:
            text = text.replace(old, new)
        path = folder / "keras/src" / module.replace(".", "/")
        path = path / "__init__.py" if module in PACKAGES else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        indent = len(text) - len(text.lstrip("\n "))
        path.write_text("\n".join(line[indent - 1 :] if indent else line for line in text.split("\n")))
    for package, exports in EXPORTS.items():
        path = folder / "keras" / api / package / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"from keras.src.{module} import {names}" for module, names in exports.items()]
        for old, new in replace:
            lines = [line.replace(old, new) for line in lines]
        path.write_text("\n".join(lines))
    return folder


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A folder of tables that hold one release, 2.15, which had a layer Dense."""
    monkeypatch.setattr(generate, "PATCHES", ())
    folder = tmp_path / "tables"
    folder.mkdir()
    for kind in KINDS:
        (folder / f"{kind}.txt").write_text("Dense\nDense(units)\n" if kind == "layers" else "")
    (folder / "releases.txt").write_text("2.15 2.15.0\n")
    (folder / "defaults.txt").write_text("")
    return folder


def column(folder, kind="layers", index=-1):
    releases = tuple(line.split()[0] for line in (folder / "releases.txt").read_text().splitlines())
    return column_of(parse_table((folder / f"{kind}.txt").read_text(), releases), range(len(releases))[index])


def test_what_is_read_of_each_kind(tmp_path):
    facts = KerasSources(write_sources(tmp_path)).facts()
    layers = {name: set(arguments) for name, arguments in facts["layers"].items()}
    assert layers == {
        "Layer": {"trainable", "dtype", "name", "input_shape"},
        "Dense": {"units", "lora_rank", "**Layer"},
        "Conv1D": {"filters", "time_major", "name", "**Layer"},
        "Convolution1D": {"filters", "time_major", "name", "**Layer"},
        "Regularizing": {"trainable", "name", "input_shape"},
        "Closed": {"rate", "name"},
        "Open": {"rate", "**kwargs"},
    }
    assert set(facts) == set(KINDS)
    assert facts["layer_functions"].keys() == {"concatenate"}
    assert facts["operations"] == {"numpy.Mean": {"axis", "name"}}
    assert facts["activations"].keys() == {"relu", "silu", "swish"}
    assert facts["functions"].keys() == {"relu", "silu", "swish", "mean_squared_error", "mse", "binary_io_u"}
    assert facts["optimizers"] == {"SGD": {"momentum", "decay"}}
    assert facts["quantizations"].keys() == {"int8"} and facts["reductions"].keys() == {"sum", "none"}
    assert facts["dtype_policies"].keys() == {"DTypePolicy"}
    assert {"layers", "layers.core", "losses.loss"} <= facts["modules"].keys()


def test_a_wheel_and_both_layouts_of_the_package_say_the_same(tmp_path):
    new = write_sources(tmp_path / "new")
    old = write_sources(tmp_path / "old", api="api")
    wheel = tmp_path / "keras-3.0.5-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in new.rglob("*.py"):
            archive.write(file, file.relative_to(new).as_posix())
    facts = [KerasSources(path).facts() for path in (new, old, wheel)]
    assert facts[2] == facts[0]
    assert {**facts[1], "modules": {}} == {**facts[0], "modules": {}}


def test_a_new_release(tmp_path, tables, capsys):
    """A layer more, an argument less, an operation more: each is named, and is one line of the tables."""
    sources = write_sources(tmp_path / "3.0")
    assert generate.main([str(sources)], tables) == 0
    before = {file.name: file.read_text() for file in tables.iterdir()}
    assert generate.main([str(sources), "--check"], tables) == 0
    assert "Keras 3.0.5: as in the tables" in capsys.readouterr().out

    newer = write_sources(
        tmp_path / "3.1",
        replace=[
            ("3.0.5", "3.1.0"),
            (", lora_rank=None", ""),
            ("class Closed", "class Novel(Layer):\n            pass\n\n        class Closed"),
            ("Regularizing, Closed", "Regularizing, Novel, Closed"),
            ("class Helper:", "class Median(Mean):\n            pass\n\n        class Helper:"),
        ],
    )
    assert generate.main([str(newer), "--check"], tables) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:5] == [
        "Keras 3.1.0: the tables differ",
        "  Keras 3.1 is not in the tables; against 3.0:",
        "  layers: Dense no longer takes lora_rank",
        "  layers: Novel is new, takes **Layer",
        "  operations: numpy.Median is new, takes axis, name",
    ]
    assert "A new Keras release" in "".join(said[5:])
    assert before == {file.name: file.read_text() for file in tables.iterdir()}

    assert generate.main([str(newer)], tables) == 0
    changed = {
        name: set((tables / name).read_text().splitlines()) ^ set(text.splitlines()) for name, text in before.items()
    }
    assert {name: lines for name, lines in changed.items() if lines} == {
        "defaults.txt": {"layers.Dense(lora_rank) null", "operations.numpy.Median(axis) null"},
        "layers.txt": {"Dense(lora_rank) 3.0-", "Dense(lora_rank) 3.0", "Novel 3.1-", "Novel(**Layer)"},
        "operations.txt": {
            "numpy.Median 3.1-",
            "numpy.Median(axis)",
            "numpy.Median(name)",
        },
        "releases.txt": {"3.1 3.1.0"},
    }


def test_reading_a_release_again_changes_its_column_alone(tmp_path, tables, capsys):
    for version, units in (("3.1.0", "units"), ("3.0.5", "units"), ("3.0.9", "width")):
        sources = write_sources(tmp_path / version, replace=[("3.0.5", version), ("units", units)])
        assert generate.main([str(sources)], tables) == 0
    assert (tables / "releases.txt").read_text() == "2.15 2.15.0\n3.0 3.0.9\n3.1 3.1.0\n"
    assert "layers: Dense takes width" in capsys.readouterr().out
    assert [sorted(column(tables, index=index)["Dense"]) for index in range(3)] == [
        ["units"],
        ["**Layer", "lora_rank", "width"],
        ["**Layer", "lora_rank", "units"],
    ]


def test_patches(tmp_path, tables, monkeypatch, capsys):
    fixed = [
        Patch(kind="layers", names=("Closed",), since="3.0", until="3.0", absent=True, reason="it cannot be found"),
        Patch(kind="layers", of="Dense", names=("bias",), since="3.0", reason="it is taken in a loop"),
        Patch(kind="quantizations", names=("int8",), since="3.1", absent=True, reason="not of this release"),
    ]
    monkeypatch.setattr(generate, "PATCHES", fixed)
    sources = write_sources(tmp_path / "3.0")
    assert generate.main([str(sources)], tables) == 0
    assert "Closed" not in column(tables) and "bias" in column(tables)["Dense"] and column(tables, "quantizations")
    fixed[0] = Patch(kind="layers", names=("Gone",), since="3.0", until="3.0", absent=True, reason="it was there once")
    assert generate.main([str(sources)], tables) == 2
    assert "layers Gone changes nothing in Keras 3.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nowhere", "expected a wheel of Keras or a folder that holds the package keras"),
        (lambda folder: write_sources(folder, replace=[("3.0.5", "2.15.0")]), "expected a Keras 3 release"),
        (lambda folder: write_sources(folder, replace=[("Dense, ", "Dense, Missing, ")]), "keras.layers.Missing"),
    ],
)
def test_sources_that_are_none(tmp_path, tables, capsys, make, said):
    before = (tables / "layers.txt").read_text()
    assert generate.main([str(make(tmp_path))], tables) == 2
    assert said in capsys.readouterr().err and (tables / "layers.txt").read_text() == before


def test_a_version_that_the_index_does_not_have(tables, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert generate.main(["3.99"], tables) == 2
    assert "pip could not download keras==3.99.*" in capsys.readouterr().err


def test_the_packaged_tables_are_as_they_would_be_written():
    columns = generate.Tables(generate.TABLES).columns
    for kind in KINDS:
        written = render_table({release: facts[kind] for release, facts in columns.items()})
        assert written == (generate.TABLES / f"{kind}.txt").read_text()
    assert sorted(path.stem for path in generate.TABLES.iterdir()) == sorted((*KINDS, "defaults", "releases"))
    assert tuple(read_columns()) == RELEASES == tuple(columns)


def test_the_installed_keras_is_as_in_the_tables(capsys):
    distribution = importlib.metadata.distribution("keras")
    if read_columns().get(".".join(distribution.version.split(".")[:2])) != distribution.version:
        pytest.skip(f"the tables were not read from Keras {distribution.version}")
    assert generate.main([str(distribution.locate_file("")), "--check"]) == 0, capsys.readouterr().out


def test_every_patch_has_a_reason():
    assert all(one.reason and one.names for one in PATCHES)
