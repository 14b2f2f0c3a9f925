"""Rules of saving and loading on definitions: each condition from both sides, without Keras."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.findings.finding import Severity
from graphlint.model.address import ROOT
from graphlint.model.definition import (
    CallDefinition,
    Format,
    FrontEnd,
    LayerDefinition,
    OptimizerDefinition,
    ProblemKind,
    SourceProblem,
    TensorRef,
    VariableDefinition,
)
from rules.serialization.ambiguous_names import AmbiguousNames
from rules.serialization.baked_training_argument import BakedTrainingArgument
from rules.serialization.computes_otherwise import ComputesOtherwise
from rules.serialization.custom_compile import CustomCompile
from rules.serialization.external_file import ExternalFile
from rules.serialization.lambda_hides_layer import LambdaHidesLayer
from rules.serialization.opaque import Opaque
from rules.serialization.optimizer_shipped import OptimizerShipped
from rules.serialization.slash_in_name import SlashInName
from rules.serialization.tf_op_layer import TfOpLayer
from rules.serialization.unregistered_custom import UnregisteredCustom
from rules.serialization.will_not_load import WillNotLoad
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, step


def around(name, *inside, inputs="i"):
    calls = [input_call(inputs), *(call(one, place) for place, one in enumerate(inside))]
    return model(name, calls, [0], [len(inside)])


def code(one):
    """The same with a body that code makes."""
    one.class_name, one.registered_name = "Mine", "x>Mine"
    one.body.traced, one.body.arguments = True, ("0",)
    return one


def found(rule, graph):
    return [(one.node, one.related) for one in rule.check(graph)]


def said(rule, graph):
    return [one.message for one in rule.check(graph)]


def custom(name, class_name="Mine", module=None, registered=None, **fields):
    return LayerDefinition(name, class_name, module, registered_name=registered, **fields)


def of(graph, **fields):
    for name, value in fields.items():
        setattr(graph.definition, name, value)
    return graph


# -- K005 ambiguous-names -----------------------------------------------------------------------------------------


def test_names_of_several_layers():
    def names(*inside):
        return found(AmbiguousNames(), chain(*inside))

    assert names(around("one", dense("a")), around("two", dense("b"))) == []
    assert names(around("one", dense("a")), around("two", dense("a"))) == [("one/a", ("two/a",))]
    assert names(dense("a"), around("two", dense("a"))) == [("a", ("two/a",))]
    assert names(around("one", op("add")), around("two", op("add"))) == []
    shared = dense("a")
    assert names(around("one", shared), around("two", shared)) == []
    wrapped = [layer(name, "TimeDistributed", children={"layer": dense("d")}) for name in ("one", "two")]
    assert names(*wrapped) == []
    opened = [code(around(name, dense("a"))) for name in ("one", "two")]
    assert names(*opened) == []
    assert names(*opened, around("three", dense("a")), around("four", dense("a"))) == [("three/a", ("four/a",))]


def test_names_of_several_layers_in_words():
    def of_names(*names):
        return next(AmbiguousNames().check(chain(*(around(outer, *map(dense, names)) for outer in ("one", "two")))))

    assert of_names("a").message == "one name is used in several nested models: 'a'"
    assert of_names("a", "b").message == "2 names are used in several nested models: 'a', 'b'"
    assert of_names(*"abcd").message.endswith(": 'a', 'b', 'c', 'd'")
    assert of_names(*"abcde").message.endswith(": 'a', 'b', 'c', 'd', ...")
    assert len(of_names(*"abcdefghijk").related) == 20


# -- K011 baked-training-argument ---------------------------------------------------------------------------------


def trained(*parts, form=Format.KERAS, front_end=FrontEnd.STATIC):
    calls = [entering()]
    for place, (one, given) in enumerate(parts):
        calls.append(step(one, place))
        calls[-1].kwargs.update(given)
    return of(graph_of(calls), format=form, front_end=front_end)


OFF, ON = {"training": False}, {"training": True}


def test_training_that_is_recorded():
    drop, norm = made("drop", "Dropout"), made("norm", "BatchNormalization")
    rule = BakedTrainingArgument()
    assert found(rule, trained((drop, OFF))) == [("drop#0", ())]
    assert found(rule, trained((drop, {}), (norm, ON), (dense("a"), OFF))) == []
    assert found(rule, trained((drop, {"training": 0}))) == []
    graph = trained((drop, OFF), (dense("a"), OFF), (drop, OFF), (made("more", "Dropout"), OFF))
    (problem,) = rule.check(graph)
    assert problem.message.startswith("training=False is recorded on 3 calls")
    assert (problem.node, problem.related) == ("drop#0", ("drop#1", "more#0"))
    (edit,) = problem.fix.edits
    assert (edit.layers, edit.argument, edit.value) == (("drop", "more"), "training", False)
    for fields in ({"form": Format.H5}, {"front_end": FrontEnd.LIVE}):
        (problem,) = rule.check(trained((drop, OFF), **fields))
        assert problem.fix is None
    inner = around("inner", made("deep", "Dropout"))
    inner.body.calls[1].kwargs.update(OFF)
    calls = [entering(), step(inner, 0), step(drop, 1)]
    calls[2].kwargs.update(OFF)
    assert found(rule, graph_of(calls)) == [("inner#0/deep#0", ("drop#0",))]
    code(inner)
    assert found(rule, graph_of(calls)) == [("drop#0", ())]


# -- K006 custom-compile ------------------------------------------------------------------------------------------


def written(class_name, module=None, config=None, registered=None):
    return {
        "module": module,
        "class_name": class_name,
        "config": {} if config is None else config,
        "registered_name": registered,
    }


@pytest.mark.parametrize(
    ("compiled", "names"),
    [
        ({"loss": "mse"}, None),
        ({"loss": "mean_squared_error"}, None),
        ({"loss": "MeanSquaredError"}, None),
        ({"loss": "mine"}, "loss 'mine'"),
        ({"loss": ["mse", "mine"]}, "loss 'mine'"),
        ({"loss": {"out": "mine", "two": ("also",)}}, "loss 'mine', loss 'also'"),
        ({"metrics": ["accuracy", ["mine"]]}, "metrics 'mine'"),
        ({"weighted_metrics": ["mine"]}, "weighted_metrics 'mine'"),
        ({"loss": "mse", "metrics": None}, None),
        ({"other": "mine"}, None),
        ({"loss": written("MeanSquaredError", "keras.losses")}, None),
        ({"loss": written("MeanSquaredError")}, None),
        ({"loss": written("Mine", "my.losses")}, "loss 'Mine'"),
        ({"loss": written("Mine", "builtins")}, "loss 'Mine'"),
        ({"loss": written("Mine", "__main__")}, "loss 'Mine'"),
        ({"loss": written("Mine")}, "loss 'Mine'"),
        ({"loss": written("Mine", "keras.losses")}, None),
        ({"loss": written("x>Mine", "my.losses")}, None),
        ({"loss": written("Mine", "my.losses", registered="x>Mine")}, None),
        ({"loss": written("Mine", "my.losses", registered="Mine")}, "loss 'Mine'"),
        ({"loss": written("function", "builtins", "mine")}, "loss 'mine'"),
        ({"loss": written("function", "builtins", "mean_squared_error")}, None),
        ({"loss": written("function", "builtins", "mine", "x>mine")}, None),
        ({"loss": written("function", "builtins", "x>mine", "mine")}, None),
        ({"loss": written("function", "my.losses", "mine")}, None),
        ({"optimizer": written("Adam", "keras.optimizers")}, None),
        ({"optimizer": written("Mine", "my.optimizers")}, "optimizer 'Mine'"),
        ({"optimizer_config": written("Mine", "my.optimizers")}, "optimizer 'Mine'"),
        ({"optimizer": written("Dense")}, None),
        ({"callbacks": written("Mine", "my.callbacks")}, None),
        ({"metrics": [written("Mine", "my"), written("Accuracy", "keras.metrics")]}, "metrics 'Mine'"),
        ({"loss": {"class_name": "MineLoss", "registered_name": "x>Whole", "config": {}}}, None),
        (written("Mine", "my"), None),
        ({"optimizer": written("Nadam")}, None),
        ({"metrics": [written("AUC"), "auc", "AUC"]}, None),
    ],
)
def test_what_a_model_is_compiled_with(compiled, names):
    problems = list(CustomCompile().check(of(chain(dense("a")), compile_config=compiled)))
    assert [one.message for one in problems] == (
        [f"compiled with {names}, which Keras does not provide: load_model needs it too"] if names else []
    )


def test_custom_layers_are_not_compiled_with():
    one = custom("one", module="my.layers", config={"loss": written("Mine", "my.losses")})
    assert list(CustomCompile().check(chain(one, dense("a"), loss="mse"))) == []
    assert list(CustomCompile().check(chain(one, dense("a")))) == []


# -- K007 external-file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_name", "config", "keys"),
    [
        ("StringLookup", {"vocabulary": "words.txt"}, ["vocabulary"]),
        ("StringLookup", {"vocabulary": ""}, []),
        ("StringLookup", {"vocabulary": ["a"]}, []),
        ("StringLookup", {}, []),
        ("TextVectorization", {"vocabulary": "a", "idf_weights": "b"}, ["vocabulary", "idf_weights"]),
        ("IntegerLookup", {"vocabulary_file": "a"}, ["vocabulary_file"]),
        ("mine>StringLookup", {"vocabulary": "words.txt"}, ["vocabulary"]),
        ("Dense", {"vocabulary": "words.txt"}, []),
        ("Mine", {"vocabulary": "words.txt"}, []),
    ],
)
def test_words_from_a_path(class_name, config, keys):
    problems = list(ExternalFile().check(chain(dense("a"), made("look", class_name, **config))))
    assert [(one.node, one.key) for one in problems] == [("look", key) for key in keys]


# -- K001 lambda-hides-layer --------------------------------------------------------------------------------------

HELD = {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 3}}
CODE = {"class_name": "__lambda__", "config": {"code": "abc"}}


@pytest.mark.parametrize(
    ("config", "hidden"),
    [
        ({"function": CODE}, None),
        ({"function": {**CODE, "config": {"code": "abc", "closure": [HELD]}}}, "Dense 'd'"),
        ({"function": {**CODE, "config": {"closure": (HELD, {"class_name": "ReLU", "config": {}})}}}, "Dense 'd'"),
        ({"arguments": {"layers": [HELD, {**HELD, "config": {"name": "e", "units": 3}}]}}, "Dense 'd', Dense 'e'"),
        ({"arguments": [HELD, HELD]}, "Dense 'd'"),
        ({"output_shape": HELD}, "Dense 'd'"),
        ({"mask": HELD}, "Dense 'd'"),
        ({"other": HELD}, None),
        ({"arguments": {**HELD, "config": {"units": 3}}}, "Dense ''"),
        ({"arguments": {**HELD, "config": "d"}}, None),
        ({"arguments": {**HELD, "class_name": 3}}, None),
        ({"arguments": {"class_name": "Held", "config": None, "held": HELD}}, "Dense 'd'"),
        ({"arguments": {"class_name": 3, "config": {"held": HELD}}}, "Dense 'd'"),
        ({"arguments": {"class_name": "Dropout", "module": "keras.layers", "config": {"rate": 0.5}}}, None),
    ],
)
def test_layers_that_a_lambda_holds(config, hidden):
    problems = list(LambdaHidesLayer().check(chain(dense("a"), made("f", "Lambda", **config))))
    assert [one.node for one in problems] == (["f"] if hidden else [])
    assert all(one.message.startswith(f"the Lambda uses {hidden} from outside") for one in problems)
    assert list(LambdaHidesLayer().check(chain(made("f", "Flatten", **config)))) == []


# -- K008 opaque --------------------------------------------------------------------------------------------------


def test_what_is_opaque():
    def words(*parts):
        return [one.partition(":")[0] for one in said(Opaque(), chain(*parts))]

    assert words(dense("a")) == []
    assert words(custom("one"), dense("a")) == ["Mine is opaque (no sublayers known, 0 parameters)"]
    alike = custom("one"), custom("two"), custom("three", registered="x>Mine"), custom("four", "Other")
    graph = chain(*alike)
    assert found(Opaque(), graph) == [("one", ("two",)), ("three", ()), ("four", ())]
    assert words(*alike)[0] == "Mine is opaque (no sublayers known, 0 parameters, 2 layers of this class)"
    one, two = custom("one"), custom("two")
    one.opaque = two.opaque = True
    one.opaque_because = "it raises"
    assert [text.endswith(", since it raises") for text in said(Opaque(), chain(one, two))] == [True, False]
    holding = custom("one", children={"d": dense("d")})
    assert words(holding) == ["Mine is opaque (1 sublayer, 16 parameters)"]
    holding = custom("one", children={"d": dense("d"), "e": dense("e", 2)})
    assert words(holding) == ["Mine is opaque (2 sublayers, 24 parameters)"]
    nested = custom("one", children={"inner": custom("inner", "Other")})
    assert [node for node, _ in found(Opaque(), chain(nested))] == ["one"]
    assert found(Opaque(), chain(nested, custom("z", "Last"))) == [("one", ()), ("z", ())]
    guessed = custom("g", None)
    guessed.guessed_class = "Dense"
    assert words(custom("one", children={"g": guessed}))[0].startswith(
        "Mine is opaque (1 sublayer, by their stored names and shapes Dense, 0 parameters)"
    )


def test_what_is_not_seen_in_training():
    one, two = code(around("one", dense("a"))), code(around("two", dense("b")))
    two.not_in_training = "it raises"
    (problem,) = Opaque().check(chain(one, two))
    assert problem.message.startswith("what Mine does in training is not seen, since it raises")
    assert problem.node == "two"


# -- K009 optimizer-shipped ---------------------------------------------------------------------------------------


def state(shape=(4,), values=True):
    stored = Stored(np.zeros(shape, "float32")) if values else None
    return VariableDefinition("0", 0, shape, dtype="float32", trainable=False, values=stored)


def shipped(*variables, weights=0, front_end=FrontEnd.STATIC, class_name="Adam"):
    one = dense("a")
    if weights:
        one.variables[0].values = Stored(np.zeros(weights, "float32"))
    optimizer = OptimizerDefinition(class_name, None, {}, variables=list(variables))
    graph = of(chain(one, optimizer=optimizer), front_end=front_end)
    return said(OptimizerShipped(), graph)


def test_the_size_of_an_optimizer():
    assert shipped() == []
    assert said(OptimizerShipped(), chain(dense("a"))) == []
    assert shipped(state(())) == [] and shipped(state(values=False)) == []
    (message,) = shipped(state(), state((2, 2)), state(()), state(values=False))
    assert message == "the state of Adam takes 32 bytes, 100% of all values that are stored"
    (message,) = shipped(state(), weights=12, class_name="keras.optimizers>Adam", front_end=FrontEnd.LIVE)
    assert message == "the state of Adam takes 16 bytes, 25% of all values that model.save writes"


# -- K004 slash-in-name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a/b", "a_b"),
        ("a/b/c", "a_b_c"),
        ("..", "_"),
        ("a\\b", "a_b"),
        ("a\0b", "a_b"),
        ("C:\\x", "__x"),
        ("C:x", None),
        ("a..b", None),
        ("...", None),
        ("plain", None),
    ],
)
def test_names_that_are_paths(name, wanted):
    problems = list(SlashInName().check(chain(dense(name), dense("end"))))
    assert len(problems) == (wanted is not None)
    for one in problems:
        assert one.hint == f"Name the layer {wanted!r}." and one.node
        assert ("contains a slash" in one.message) is ("/" in name) is (one.fix is not None)
    assert list(SlashInName().check(chain(op(name, "Abs"), dense("end")))) == []
    assert list(SlashInName().check(chain(custom(name, None), dense("end")))) == []


def test_names_that_can_be_rewritten():
    graph = chain(dense("a/b"), op("x/y", "Abs"), dense("c/d"))
    graph.definition.root.name = "net/work"
    assert [bool(one.fix) for one in SlashInName().check(graph)] == [True, True]
    for fields in (
        {"front_end": FrontEnd.LIVE},
        {"has_graph": False},
        {"format": Format.SAVED_MODEL},
        {"asset_names": ("words.txt",)},
    ):
        assert [one.fix for one in SlashInName().check(of(chain(dense("a/b")), **fields))] == [None]


# -- K003 tf-op-layer ---------------------------------------------------------------------------------------------


def operation(name, function="math.add", class_name="TFOpLambda", module=None):
    return LayerDefinition(name, class_name, module, config={"function": function})


def test_layers_of_operations():
    assert found(TfOpLayer(), chain(dense("a"))) == []
    graph = chain(operation("a"), operation("b"), operation("c", "math.exp"), operation("d", "math.add"))
    assert found(TfOpLayer(), graph) == [("a", ("b", "d")), ("c", ())]
    assert [one.partition(" exists")[0] for one in said(TfOpLayer(), graph)] == [
        "TFOpLambda of 'math.add' (3 layers)",
        "TFOpLambda of 'math.exp'",
    ]
    unnamed = chain(operation("a", None, "SlicingOpLambda"), operation("b", 3, "SlicingOpLambda"))
    assert found(TfOpLayer(), unnamed) == [("a", ("b",))]
    assert "SlicingOpLambda of 'SlicingOpLambda'" in said(TfOpLayer(), unnamed)[0]
    assert found(TfOpLayer(), chain(operation("a", module="tf_keras.src.layers"))) == []
    assert found(TfOpLayer(), chain(operation("a", module="keras.layers"))) == [("a", ())]
    assert found(TfOpLayer(**{"target-keras": "2.12"}), graph) == []
    assert len(found(TfOpLayer(**{"target-keras": "3.0"}), graph)) == 2


def test_operations_that_have_an_equivalent():
    def fixes(*layers, **fields):
        calls = [entering(), *(CallDefinition(one, (TensorRef(0, 0), 1.0), outputs=(SPEC,)) for one in layers)]
        calls[0].layer.config["batch_shape"] = [None, 4]
        graph = of(graph_of(calls, list(range(1, len(calls)))), **fields)
        return [one.fix is not None for one in TfOpLayer().check(graph)]

    assert fixes(operation("a")) == [True]
    assert fixes(operation("a", "math.unheard_of")) == [False]
    assert fixes(operation("a"), operation("b", "math.unheard_of")) == [True, False]
    assert fixes(operation("a"), front_end=FrontEnd.LIVE) == [False]
    assert fixes(operation("a"), has_graph=False) == [False]


# -- K002 unregistered-custom -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (custom("a"), True),
        (custom("a", module="__main__"), True),
        (custom("a", module="my.layers"), False),
        (custom("a", registered="Mine"), True),
        (custom("a", registered="x>Mine"), False),
        (custom("a", "x>Mine"), False),
        (custom("a", None), False),
        (custom("a", "Dense"), False),
        (custom("a", is_operation=True), False),
    ],
)
def test_classes_without_a_package(one, told):
    assert found(UnregisteredCustom(), chain(dense("first"), one)) == ([("a", ())] if told else [])


def test_classes_in_several_places():
    graph = chain(custom("a"), custom("x", module="my"), custom("y", "q>Mine"), custom("b"), custom("c", "Other"))
    assert found(UnregisteredCustom(), graph) == [("a", ("b",)), ("c", ())]
    assert [" (2 layers)" in one for one in said(UnregisteredCustom(), graph)] == [True, False]
    inside = custom("outer", children={"inner": custom("inner", "Hidden")})
    assert found(UnregisteredCustom(), chain(inside, custom("z", "Last"))) == [("outer", ()), ("z", ())]
    rebuilt = around("model", custom("inner", "Hidden"))
    rebuilt.rebuilt = True
    assert found(UnregisteredCustom(), chain(rebuilt, custom("z", "Last"))) == [("z", ())]


# -- K010 will-not-load and K013 computes-otherwise ---------------------------------------------------------------


def loading(graph, target=None, **fields):
    rule = WillNotLoad(**({"target-keras": target} if target else {}))
    return list(rule.check(of(graph, **{"keras_version": "3.9.0", **fields})))


def structure(message="two layers have one name", one=None, kind=ProblemKind.STRUCTURE):
    return SourceProblem(kind, message, one)


def test_what_is_wrong_with_a_file():
    assert loading(chain(dense("a"))) == []
    a = dense("a")
    (problem,) = loading(chain(a), problems=[structure(one=a)])
    assert (problem.message, problem.node) == ("two layers have one name", "a")
    (problem,) = loading(chain(a), problems=[structure(), structure("other", kind=ProblemKind.JSON)])
    assert problem.node == ROOT
    (problem,) = loading(chain(a), problems=[structure(one=dense("elsewhere"))])
    assert problem.node == ROOT
    assert loading(chain(a), problems=[structure()], format=Format.WEIGHTS) == []
    (problem,) = loading(chain(a), misnamed="a.h5 is an archive; rename it; call it a.keras")
    assert (problem.message, problem.hint) == ("a.h5 is an archive; rename it", "Call it a.keras.")
    assert problem.fix is not None and problem.key == "name"
    (problem,) = loading(chain(a), format=Format.H5, has_weights=False)
    assert problem.key == "model_weights"
    assert loading(chain(a), format=Format.H5) == [] and loading(chain(a), has_weights=False) == []


def test_the_code_that_a_file_needs():
    def needed(*parts, **compiled):
        problems = loading(chain(*parts, **compiled))
        return [(one.severity, one.node, one.related, one.message, one.hint) for one in problems]

    ours = [custom(name, module="my", registered="x>Mine") for name in "ab"]
    ((severity, node, related, message, hint),) = needed(dense("z"), *ours)
    assert (severity, node, related) == (Severity.INFO, "a", ())
    assert message == "needs the code that registers 'x>Mine'" and "compile=False" not in hint
    two = custom("a", module="my", registered="x>Mine"), custom("b", "x>Other", module="my")
    ((_, node, related, message, _),) = needed(*two)
    assert (node, related) == ("a", ("b",)) and message.endswith("registers 'x>Mine', 'x>Other'")
    deep = dense("a", kernel_constraint={"a": {"b": written("Init", "my", registered="x>Init")}})
    assert needed(deep)[0][3] == "needs the code that registers 'x>Init'"
    many = [custom(f"l{place}", module="my", registered=f"x>{place}") for place in range(6)]
    assert needed(*many)[0][3].endswith("'x>3', 'x>4' and 1 more") and len(needed(*many)[0][2]) == 5
    loss = {"loss": written("Mine", "my", registered="x>loss")}
    ((_, node, _, message, hint),) = needed(dense("a"), **loss)
    assert node == ROOT and message.endswith("'x>loss' (loss)")
    assert hint.endswith("; compile=False does without the compilation.")
    (problem,) = loading(chain(dense("a")), compile_config=written("Mine", "my", registered="x>whole"))
    assert problem.message == "needs the code that registers 'x>whole'" and "compile=False" not in problem.hint


def test_what_a_release_cannot_load():
    old = [made(name, "ThresholdedReLU") for name in "ab"]
    problems = loading(chain(old[0], dense("z"), old[1]))
    assert [(one.node, one.related, one.severity) for one in problems] == [("a", ("b",), Severity.ERROR)]
    assert problems[0].message.endswith(" (2 layers)") and problems[0].hint[0].isupper()
    assert problems[0].fix is not None
    (problem,) = loading(chain(old[0]))
    assert "layers)" not in problem.message
    for fields in ({"has_graph": False}, {"asset_names": ("words.txt",)}):
        (problem,) = loading(chain(old[0]), **fields)
        assert problem.fix is None
    newer = chain(made("norm", "RMSNormalization"))
    assert loading(newer) == []
    (problem,) = loading(newer, "3.0")
    assert problem.severity is Severity.ERROR and problem.fix is None


def test_what_only_its_own_code_loads():
    (problem,) = loading(chain(dense("a"), custom("b", module="my.layers")), "3.14")
    assert (problem.node, problem.severity, problem.fix) == ("b", Severity.WARNING, None)
    (problem,) = loading(chain(dense("a"), made("f", "Lambda", function="no name")))
    assert problem.message.startswith("function of the Lambda is the text 'no name'")
    assert (problem.node, problem.severity, problem.key) == ("f", Severity.ERROR, problem.message)
    named = made("f", "Lambda", function="my_function")
    named.module = "keras.layers"
    (problem,) = loading(chain(named), "3.0")
    assert "Keras 3 does not look it up" in problem.message
    assert not any("look it up" in one.message for one in loading(chain(named), "2.15"))


def test_a_compilation_that_stops_loading():
    optimizer = OptimizerDefinition("Adam", "keras.optimizers", {"unheard_of": 1})
    (problem,) = loading(chain(dense("a"), optimizer=optimizer))
    assert (problem.severity, problem.node) == (Severity.WARNING, ROOT) and problem.fix is not None
    (problem,) = loading(chain(dense("a"), optimizer=optimizer), asset_names=("words.txt",))
    assert problem.severity is Severity.WARNING


def test_what_computes_otherwise():
    def drifted(*parts, **fields):
        graph = of(chain(*parts), **{"keras_version": "2.12.0", **fields})
        return list(ComputesOtherwise().check(graph))

    sharp = [dense(name, activation="hard_sigmoid") for name in "ab"]
    assert drifted(dense("a")) == [] and drifted(*sharp, keras_version="3.9.0") == []
    (problem,) = drifted(dense("z"), *sharp)
    assert (problem.node, problem.related) == ("a", ("b",)) and problem.fix is not None
    assert problem.hint.startswith("Rewrite the file")
    (problem,) = drifted(*sharp, has_graph=False)
    assert problem.fix is None and problem.hint.startswith("Load it with tf_keras, or build the model again: the file")
    (problem,) = drifted(made("crop", "RandomCrop"))
    assert problem.fix is None and "RandomCrop 'crop' crops in Keras 2" in problem.hint
