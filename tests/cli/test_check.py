import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphlint.cli import main
from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.registry import load_registry

DATA = Path(__file__).parents[1] / "data"
GOOD = (DATA / "good.keras").read_bytes()
BAD = (DATA / "bad.keras").read_bytes()
JSON_MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 4], "dtype": "float32"}},
            {"class_name": "Dense", "config": {"name": "head", "units": 1, "activation": "softmax", "use_bias": True}},
        ],
    },
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(root, **files):
    """Files by name, with ``__`` for a slash and a keyword for what is in them."""
    for name, content in files.items():
        path = root / (name.replace("__", "/") + (".toml" if name.endswith("graphlint") else ".keras"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def run(*args, **kwargs):
    return CliRunner().invoke(main, ["check", *map(str, args)], **kwargs)


def checked(*args, **kwargs):
    result = run(*args, "--format", "json", **kwargs)
    return json.loads(result.stdout), result.exit_code


def statuses(document):
    return {model["path"]: model["status"] for model in document["models"]}


def codes(document):
    return [finding["code"] for finding in document["findings"]]


# -- exit codes -----------------------------------------------------------------------------------------------------


def test_a_good_model_and_a_bad_one(here):
    put(here, good=GOOD, bad=BAD)
    assert run("good.keras").exit_code == 0
    result = run("bad.keras")
    assert result.exit_code == 1
    assert "error: A001 softmax-on-one at is_cat" in result.stdout
    assert result.stderr == ""


def test_an_unreadable_file_among_others_is_reported_and_the_others_are_checked(here):
    put(here, a=GOOD, b=b"PK\x03\x04 cut off", c=BAD)
    document, exit_code = checked("a.keras", "b.keras", "c.keras", "missing.keras")
    assert statuses(document) == {
        "a.keras": "checked",
        "b.keras": "refused",
        "c.keras": "checked",
        "missing.keras": "refused",
    }
    assert exit_code == 2
    assert codes(document).count("E001") == 2
    assert "A001" in codes(document)


@pytest.mark.parametrize(("fail_on", "exit_code"), [("error", 1), ("warning", 1), ("info", 1), ("never", 0)])
def test_fail_on(here, fail_on, exit_code):
    put(here, bad=BAD)
    assert run("bad.keras", "--fail-on", fail_on).exit_code == exit_code
    assert run("bad.keras", "--fail-on", "error", "--select", "D001").exit_code == 0


def test_nothing_to_check_is_exit_2(here):
    document, exit_code = checked()
    assert (codes(document), exit_code) == (["E004"], 2)
    (here / "sub").mkdir()
    assert "sub" in run("sub").stdout


def test_everything_excluded_is_exit_0(here):
    put(here, bad=BAD, graphlint='exclude = ["bad.keras"]')
    document, exit_code = checked()
    assert (statuses(document), exit_code) == ({"bad.keras": "skipped"}, 0)
    assert document["models"][0]["reason"] == "excluded by 'bad.keras' in graphlint.toml"


@pytest.mark.parametrize(
    "args",
    [
        ["--select", "S0O1"],
        ["--ignore", "E001"],
        ["--format", "xml"],
        ["--fail-on", "notice"],
        ["--config", "none.toml"],
        ["--config", "none.toml", "--isolated"],
        ["-j", "-1"],
        ["-j", "many"],
        ["--nonsense"],
    ],
)
def test_usage_errors_are_exit_2_and_no_report(here, args):
    put(here, good=GOOD)
    result = run("good.keras", *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_a_bad_configuration_is_one_line(here):
    put(here, good=GOOD, graphlint="selct = []")
    result = run("good.keras")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "graphlint.toml: selct: unknown key: did you mean select?" in result.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "graphlint: interrupted\n"),
        (ZeroDivisionError("a\nb"), "graphlint: internal error: ZeroDivisionError: a (set GRAPHLINT_TRACEBACK=1"),
    ],
)
def test_whatever_goes_wrong_is_one_line_and_exit_2(here, monkeypatch, error, message):
    def fail(*args, **kwargs):
        raise error

    put(here, good=GOOD)
    monkeypatch.setattr("graphlint.cli.session.Session.settings_for", fail)
    result = run("good.keras")
    assert result.exit_code == 2
    assert result.stderr.lstrip().startswith(message)
    assert result.stderr.strip().count("\n") == 0
    monkeypatch.setenv("GRAPHLINT_TRACEBACK", "1")
    assert "Traceback" in run("good.keras").stderr


def test_a_rule_that_crashes_is_reported_and_the_others_run(here, monkeypatch):
    def crash(self, graph):
        raise ValueError("boom")

    put(here, bad=BAD)
    monkeypatch.setattr(load_registry().get("D001"), "check", crash)
    document, exit_code = checked("bad.keras")
    assert exit_code == 2
    assert {"E002", "A001"} <= set(codes(document))
    assert "D001" not in codes(document)
    monkeypatch.setenv("GRAPHLINT_TRACEBACK", "1")
    assert "ValueError: boom" in run("bad.keras").stderr


# -- what is checked ------------------------------------------------------------------------------------------------


def test_directories_are_searched_and_what_was_skipped_is_said(here):
    put(here, a=GOOD, sub__b=GOOD, _hidden=GOOD)
    put(here, **{".git__c": GOOD, "venv__d": GOOD, "sub__.e": GOOD})
    (here / "venv" / "pyvenv.cfg").touch()
    (here / "notes.txt").touch()
    (here / "sub" / "data.json").write_text("{}")
    result = run("-v", "--format", "json")
    assert list(statuses(json.loads(result.stdout))) == ["_hidden.keras", "a.keras", "sub/b.keras"]
    assert ".git: skipped: hidden" in result.stderr
    assert "venv: skipped: a virtual environment" in result.stderr
    assert run("-v", "--format", "json", "-q").exit_code == 0


def test_an_empty_directory_among_others_is_said(here):
    put(here, a=GOOD)
    (here / "empty").mkdir()
    result = run("a.keras", "empty")
    assert result.exit_code == 0
    assert result.stderr.startswith("empty: no .keras")
    assert run("a.keras", "empty", "-q").stderr == ""


def test_a_file_named_twice_is_checked_once(here):
    put(here, a=GOOD)
    document, _ = checked("a.keras", here / "a.keras", ".")
    assert list(statuses(document)) == ["a.keras"]


def test_a_json_configuration_on_stdin(here):
    document, exit_code = checked("-", "--select", "A001", input=json.dumps(JSON_MODEL))
    assert (statuses(document), exit_code) == ({"<stdin>": "checked"}, 1)
    assert codes(document) == ["A001"]
    assert document["models"][0]["parameters"] is None
    assert checked("-", input="{")[1] == 2


def test_a_json_file_is_checked_when_it_is_named(here):
    (here / "net.json").write_text(json.dumps(JSON_MODEL))
    assert codes(checked("net.json", "--select", "A001")[0]) == ["A001"]
    assert codes(checked()[0]) == ["E004"]


def test_an_existing_path_wins_over_an_import(here):
    (here / "os:path").write_bytes(GOOD)
    document, _ = checked("os:path")
    assert statuses(document) == {"os:path": "checked"}


def test_python_code_that_gives_no_model_is_refused(here):
    document, exit_code = checked("no_such_module:build")
    assert (codes(document), exit_code) == (["E001"], 2)
    assert "no_such_module" in document["findings"][0]["message"]


def test_python_code_that_ends_the_program_is_refused(here):
    (here / "ends_for_cli_test.py").write_text("import sys\nsys.exit('bye')\n")
    document, exit_code = checked("ends_for_cli_test:model")
    assert (codes(document), exit_code) == (["E001"], 2)
    assert "'bye'" in document["findings"][0]["message"]


def test_python_code_that_makes_a_model(here):
    (here / "nets_for_cli_test.py").write_text(
        "import keras\n"
        "def build(units=1):\n"
        "    x = keras.Input((4,), name='x')\n"
        "    return keras.Model(x, keras.layers.Dense(units, activation='softmax', name='head')(x))\n"
    )
    document, _ = checked("nets_for_cli_test:build", "--select", "A001")
    assert (statuses(document), codes(document)) == ({"nets_for_cli_test:build": "checked"}, ["A001"])
    assert document["models"][0]["format"] == "live"
    assert codes(checked("nets_for_cli_test:build", "--select", "A001", "--call-args", "[3]")[0]) == []


# -- exclusion ------------------------------------------------------------------------------------------------------


def test_exclusion_and_force_exclude(here):
    put(here, a=GOOD, archive__b=BAD, graphlint='exclude = ["archive/**"]')
    assert statuses(checked()[0]) == {"a.keras": "checked", "archive/b.keras": "skipped"}
    assert statuses(checked("archive/b.keras")[0]) == {"archive/b.keras": "checked"}
    document, exit_code = checked("archive/b.keras", "--force-exclude")
    assert (statuses(document), exit_code) == ({"archive/b.keras": "skipped"}, 0)
    assert statuses(checked("--exclude", "a.*")[0]) == {"a.keras": "skipped", "archive/b.keras": "skipped"}
    assert "archive/b.keras: skipped: excluded by" in run("-v").stderr


# -- configuration --------------------------------------------------------------------------------------------------


def test_the_closest_configuration_of_each_model(here):
    put(here, a=BAD, sub__b=BAD, graphlint='select = ["A001"]')
    put(here, sub__graphlint='select = ["D001"]\nfail-on = "error"')
    document, exit_code = checked()
    assert [(one["model"], one["code"]) for one in document["findings"]] == [
        ("a.keras", "A001"),
        ("sub/b.keras", "D001"),
    ]
    assert exit_code == 1
    assert run("sub").exit_code == 0
    assert {"A001", "D001"} <= set(codes(checked("a.keras", "--isolated")[0]))
    assert codes(checked("a.keras", "--config", "sub/graphlint.toml")[0]) == ["D001"]


def test_a_model_outside_the_project_has_the_configuration_of_the_current_directory(here, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    put(elsewhere, a=BAD)
    put(here, graphlint='select = ["D001"]')
    assert codes(checked(elsewhere / "a.keras")[0]) == ["D001"]


def test_plugins(here):
    put(here, a=GOOD, graphlint='plugins = ["plugged_rules"]')
    (here / "plugged_rules.py").write_text(
        "from graphlint import Problem, Rule, Severity\n"
        "class Always(Rule):\n"
        "    'Always fires.'\n"
        "    code, name, severity = 'PL001', 'always', Severity.WARNING\n"
        "    def check(self, graph):\n"
        "        yield Problem(f'{len(graph.calls)} calls', '.')\n"
    )
    assert codes(checked("a.keras", "--allow-plugins")[0]) == ["PL001"]
    assert codes(checked("a.keras", "--allow-plugins", "--ignore", "PL")[0]) == []
    assert "PL001" in CliRunner().invoke(main, ["rules", "--allow-plugins"]).stdout
    assert "Always fires." in CliRunner().invoke(main, ["rule", "--allow-plugins", "always"]).stdout


def test_a_configuration_that_came_with_a_model_imports_nothing(here):
    put(here, downloads__a=GOOD, downloads__graphlint='plugins = ["evil_rules"]')
    (here / "downloads" / "evil_rules.py").write_text("raise SystemExit('executed')")
    result = run("downloads")
    assert result.exit_code == 2
    assert "pass this one with --config if you trust it" in result.stderr
    assert "evil_rules" not in sys.modules


def test_stale_ignores_are_reported(here):
    ignore = '[[ignores]]\nrules = ["A001"]\nlayer = "gone/**"\nreason = "because"'
    put(here, a=BAD, graphlint=ignore)
    result = run("a.keras")
    assert "ignore matches nothing: rules = ['A001'], layer = 'gone/**'" in result.stderr
    assert "ignore matches nothing" in result.stdout
    put(here, graphlint=ignore.replace("gone/**", "is_cat"))
    result = run("a.keras")
    assert "A001" not in result.stdout
    assert "1 suppressed" in result.stdout
    assert result.stderr == ""


def test_show_config(here):
    put(here, a=GOOD, graphlint='fail-on = "info"\n[limits]\njson-bytes = 7')
    result = run("--show-config", "--select", "A001,D001")
    assert result.exit_code == 0
    assert f"# {here.as_posix()}/graphlint.toml" in result.stdout
    assert 'fail-on = "info"  # graphlint.toml' in result.stdout
    assert 'select = ["A001", "D001"]  # command line' in result.stdout
    assert "preview = false  # default" in result.stdout
    assert '"json-bytes": 7' in result.stdout
    assert "# rules: A001 D001" in result.stdout
    assert run("--show-config", "--isolated").stdout.startswith("# no configuration file")


NEWER = {
    "class_name": "Sequential",
    "module": "keras",
    "config": {
        "name": "net",
        "layers": [
            {
                "class_name": "InputLayer",
                "module": "keras.layers",
                "config": {"name": "x", "batch_shape": [None, 4], "dtype": "float32"},
            },
            {"class_name": "RMSNormalization", "module": "keras.layers", "config": {"name": "norm", "axis": -1}},
        ],
    },
}
OLD_TARGET = '[rules.will-not-load]\ntarget-keras = "3.8"'


def test_the_keras_that_should_load_the_model(here):
    (here / "a.json").write_text(json.dumps(NEWER))
    (here / "b.json").write_text(json.dumps(NEWER))
    for release, expected in (("3.8", 1), ("3.8.0", 1), ("3.9.2", 0)):
        result = run("a.json", "--select", "K010", "--target-keras", release)
        assert result.exit_code == expected, release
        assert ("RMSNormalization" in result.stdout) == bool(expected)
    result = run("a.json", "b.json", "-j", "2", "--select", "K010", "--target-keras", "3.8")
    assert result.stdout.count("RMSNormalization exists in Keras") == 2
    put(here, graphlint=OLD_TARGET)
    assert run("a.json", "--select", "K010").exit_code == 1
    assert run("a.json", "--select", "K010", "--target-keras", "3.9").exit_code == 0
    assert 'target-keras = "3.9"  # command line' in run("--show-config", "--target-keras", "3.9").stdout


@pytest.mark.parametrize("release", ["3.99", "4.0", "2.3.1", "newest", "3", ""])
def test_a_keras_that_there_is_not(release, here):
    put(here, a=GOOD)
    result = run("a.keras", "--target-keras", release)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert "target-keras: expected a Keras release, 2.12 to 2.15 or 3.0 to 3." in line and repr(release) in line
    if release:
        put(here, graphlint=OLD_TARGET.replace("3.8", release))
        result = run("a.keras")
        (line,) = result.stderr.splitlines()
        assert result.exit_code == 2 and "graphlint.toml: rules.will-not-load.target-keras: expected a Keras" in line


# -- output ---------------------------------------------------------------------------------------------------------


def test_a_report_in_a_file(here):
    put(here, bad=BAD)
    result = run("bad.keras", "--format", "json", "-o", "report.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "A001" in codes(json.loads((here / "report.json").read_text()))
    assert sorted(path.name for path in here.iterdir()) == ["bad.keras", "report.json"]
    result = run("bad.keras", "-o", "nowhere/report.json")
    assert result.exit_code == 2
    assert "cannot write 'nowhere/report.json'" in result.stderr


def test_a_file_is_replaced_as_a_whole_or_not_at_all(here, monkeypatch):
    put(here, bad=BAD)
    (here / "report.txt").write_text("old")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert run("bad.keras", "-o", "report.txt").exit_code == 2
    assert (here / "report.txt").read_text() == "old"
    assert sorted(path.name for path in here.iterdir()) == ["bad.keras", "report.txt"]


def test_colours_only_where_asked_for(here, monkeypatch):
    put(here, bad=BAD)
    assert "\x1b[" not in run("bad.keras").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("bad.keras", color=True).stdout
    assert "\x1b[" not in run("bad.keras", "--format", "concise").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("bad.keras", color=True).stdout


def test_statistics(here):
    put(here, a=BAD, b=BAD)
    assert "2  A001 softmax-on-one" in run("--statistics", "--format", "concise").stdout


def test_several_processes_give_the_same_report(here, monkeypatch):
    put(here, a=GOOD, b=BAD, c=b"junk")
    monkeypatch.setattr("graphlint.fleet.dispatch._WORTHWHILE", 0.0)
    report = run("-j", "2", "--no-cache", "--format", "json").stdout
    assert report == run("--no-cache", "--format", "json").stdout
    assert report == run("--format", "json").stdout == run("--format", "json", "-j", "auto").stdout


def test_what_is_interrupted_is_a_whole_report_on_what_was_done(here, monkeypatch):
    put(here, a=GOOD, b=BAD, c=BAD)
    checked_files = []
    check_file = Linter.check_file

    def check(self, path, *more):
        if len(checked_files) == 2:
            raise KeyboardInterrupt
        checked_files.append(path)
        return check_file(self, path, *more)

    monkeypatch.setattr(Linter, "check_file", check)
    document, exit_code = checked()
    assert (exit_code, [model["path"] for model in document["models"]]) == (2, ["a.keras", "b.keras"])
    assert document["notes"] == ["interrupted after 2 of 3 models: the others were not checked"]


# -- as a process of its own ----------------------------------------------------------------------------------------


def process(*args, cwd, code=None, **kwargs):
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "graphlint", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **kwargs)


def test_a_check_imports_neither_keras_nor_tensorflow_nor_h5py(here):
    put(here, bad=BAD)
    code = (
        "import sys\nfrom graphlint.cli import main\n"
        "try:\n    main(['check', 'bad.keras', '--preview'])\nexcept SystemExit as done:\n    assert done.code == 1\n"
        "assert not {'keras', 'tensorflow', 'h5py'} & set(sys.modules)\n"
    )
    result = process(cwd=here, code=code)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "code",
    ["import graphlint", "from graphlint.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"],
)
def test_what_must_be_quick_imports_little(here, code):
    check = "\nimport sys\nassert not {'keras', 'tensorflow', 'networkx', 'numpy', 'rich', 'pyfive'} & set(sys.modules)"
    result = process(cwd=here, code=code + check)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_file_is_checked_without_what_stores_batches_and_baselines_need(here):
    put(here, good=GOOD)
    code = "from graphlint.cli import main\ntry:\n    main(['check', 'good.keras'])\nexcept SystemExit:\n    pass"
    names = ["sources.remote", "model.observations", "engine.baseline"]
    check = f"\nimport sys\nassert not {{'graphlint.{{}}'.format(one) for one in {names}}} & set(sys.modules)"
    result = process(cwd=here, code=code + check)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_module_is_the_command(here):
    put(here, bad=BAD)
    result = process("check", "bad.keras", "--format", "concise", cwd=here)
    assert (result.returncode, result.stderr) == (1, "")
    assert "is_cat#0: error A001 softmax-on-one" in result.stdout


def test_several_processes_from_the_module(here):
    put(here, good=GOOD, bad=BAD)
    result = process("check", "-j", "2", "--format", "concise", "--select", "A001", cwd=here)
    assert (result.returncode, result.stderr) == (1, "")
    assert len(result.stdout.splitlines()) == 1


def test_names_that_the_terminal_cannot_show(here):
    model = json.loads(json.dumps(JSON_MODEL).replace("head", "\u6f22 \\ud800"))
    environment = os.environ | {"PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0"}
    result = process("check", "-", cwd=here, input=json.dumps(model), env=environment)
    assert result.returncode == 1
    assert "\\u6f22 \\ud800#0" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently on Windows")
def test_a_reader_that_goes_away(here):
    put(here, bad=BAD)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "graphlint", "check", "bad.keras"],
            cwd=here,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (result.returncode, result.stderr) == (2, "")


def test_a_progress_bar_for_many_models_on_a_terminal(here, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    put(here, **{f"m{number}": GOOD for number in range(6)})
    from graphlint.cli.session import Session
    from graphlint.cli.targets import find_targets

    found = find_targets(["."], Config().excluded, False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert len(list(Session().reports(found.targets))) == 6
    assert "6/6" in terminal.getvalue()
    quiet = Terminal()
    monkeypatch.setattr(sys, "stderr", quiet)
    assert len(list(Session(verbosity=-1).reports(found.targets))) == 6
    assert quiet.getvalue() == ""


def test_info_is_listed_on_request(here):
    put(here, bad=BAD)
    (here / "graphlint.toml").write_text('[rules.unused-input]\nseverity = "info"\n')
    counted = run("bad.keras").stdout
    assert "1 info" in counted and "D001 unused-input at" not in counted
    for asked in (("--severity", "info"), ("--fail-on", "info")):
        assert "info: D001 unused-input at" in run("bad.keras", *asked).stdout
    (here / "graphlint.toml").write_text('severity = "info"\n[rules.unused-input]\nseverity = "info"\n')
    assert "info: D001 unused-input at" in run("bad.keras").stdout
    assert "D001" not in run("bad.keras", "--severity", "error").stdout


def test_nothing_of_a_framework_is_heard_before_a_command_speaks():
    program = "import os\nfrom graphlint.cli.quiet import quiet\nwith quiet():\n    os.write(2, b'noise')\n"
    heard = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heard.stderr == ""
    failing = subprocess.run(
        [sys.executable, "-c", f"{program}    raise SystemExit(3)"], capture_output=True, text=True
    )
    assert (failing.returncode, failing.stderr) == (3, "noise")


# -- a baseline -----------------------------------------------------------------------------------------------------


def test_a_baseline_is_written_kept_to_and_updated(here):
    put(here, models__bad=BAD, models__broken=b"not a model", models__good=GOOD)
    known = here / "known.txt"
    result = run("models", "--write-baseline", known)
    assert result.exit_code == 0 and "Nothing new in 3 models (4 in the baseline)" in result.stdout
    document, exit_code = checked("models", "--baseline", known)
    assert (codes(document), exit_code, document["summary"]["in_baseline"]) == ([], 0, 4)
    put(here, models__other=BAD)
    document, exit_code = checked("models", "--baseline", known)
    assert (len(document["findings"]), exit_code) == (3, 1)
    assert {one["model"] for one in document["findings"]} == {"models/other.keras"}
    (here / "models").rename(here / "archive")
    (here / "archive" / "other.keras").unlink()
    (here / "archive" / "broken.keras").unlink()
    before = known.read_text()
    document, exit_code = checked("archive", "--baseline", known)
    assert exit_code == 0 and "models/broken.keras E001" in " ".join(document["notes"])
    assert known.read_text() == before
    assert run("archive", "--baseline", known, "--update-baseline").exit_code == 0
    assert known.read_text() == before.replace("models/", "archive/").partition("archive/broken")[0]


def test_nothing_to_check_writes_no_baseline(here):
    assert run("--write-baseline", "known.txt").exit_code == 2
    assert not (here / "known.txt").exists()


def test_a_baseline_in_sarif(here):
    put(here, bad=BAD)
    run("bad.keras", "--write-baseline", "known.txt")
    found = json.loads(run("bad.keras", "--baseline", "known.txt", "--format", "sarif").stdout)["runs"][0]["results"]
    assert [one["suppressions"][0]["justification"] for one in found] == ["in the baseline"] * 3
    hub = run("bad.keras", "--baseline", "known.txt", "--format", "sarif", env={"GITHUB_ACTIONS": "true"})
    assert json.loads(hub.stdout)["runs"][0]["results"] == []


def test_what_is_suppressed_is_the_same_from_the_cache(here, monkeypatch):
    monkeypatch.setenv("GRAPHLINT_CACHE_DIR", str(here / "cache"))
    put(here, bad=BAD, graphlint='[[ignores]]\nrules = ["A001"]\nreason = "a demonstration"\n')
    monkeypatch.setattr("graphlint.fleet.content._TICK", 0)
    first, second = (run("bad.keras", "--format", "sarif", "-v") for _ in range(2))
    assert "0 of 1 models had not changed" in first.stderr and "1 of 1 models had not changed" in second.stderr
    assert first.stdout == second.stdout and '"justification": "a demonstration"' in second.stdout


# -- several reports at once ----------------------------------------------------------------------------------------


def test_several_reports_of_one_run(here):
    put(here, bad=BAD)
    result = run("bad.keras", "-o", "plain.txt", "--output", "junit=r.xml", "--output", "sarif=s.sarif")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: A001" in (here / "plain.txt").read_text()
    assert "<testsuite " in (here / "r.xml").read_text() and '"2.1.0"' in (here / "s.sarif").read_text()
    assert "error: A001" in run("bad.keras", "--output", "junit=r.xml").stdout
    run("bad.keras", "-o", "./json=odd name")
    assert "error: A001" in (here / "json=odd name").read_text()


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (["junt=r.xml"], "no format is called 'junt': did you mean junit="),
        (["a.txt", "b.txt"], "expected each format once"),
        (["junit=a", "json=a"], "expected each file once"),
        (["junit=."], "'.' is a directory"),
    ],
)
def test_outputs_that_cannot_be_meant(here, outputs, message):
    put(here, good=GOOD)
    result = run("good.keras", *(part for one in outputs for part in ("--output", one)))
    assert result.exit_code == 2 and message in result.stderr and result.stdout == ""


def test_a_report_that_cannot_be_written_leaves_the_others_as_they_were(here):
    put(here, good=GOOD)
    (here / "r.xml").write_text("before")
    result = run("good.keras", "--output", "junit=r.xml", "--output", "json=none/s.json")
    assert result.exit_code == 2 and "cannot write 'none/s.json'" in result.stderr
    assert (here / "r.xml").read_text() == "before" and {path.name for path in here.iterdir()} == {
        "good.keras",
        "r.xml",
    }


# -- configuration of a run, and on the command line ----------------------------------------------------------------


def test_settings_on_the_command_line(here):
    put(here, bad=BAD, graphlint='fail-on = "warning"\n[rules.unused-input]\nseverity = "error"\n')
    given = ["--config", "fail-on=never", "--config", 'rules.D001.severity = "info"', "--config", "ignore=['T','A001']"]
    document, exit_code = checked("bad.keras", *given)
    assert [(one["code"], one["severity"]) for one in document["findings"]] == [("D001", "info")] and exit_code == 0
    shown = run("--show-config", *given).stdout
    assert 'fail-on = "never"  # --config\n' in shown
    assert run("bad.keras", "--isolated", "--config", "ignore=['A','D','T']").exit_code == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("fail-on=bad", "--config: fail-on: expected error, warning, info, never, got 'bad'"),
        ("fial-on=error", "--config: fial-on: unknown key: did you mean fail-on?"),
        ("rules.D001.x.y=[", "rules.D001.x: unknown key"),
        ("none.toml", "none.toml: cannot be read"),
        (".", "'.' is a directory: expected a file, or KEY=VALUE"),
    ],
)
def test_settings_that_cannot_be_used(here, given, message):
    put(here, good=GOOD)
    result = run("good.keras", "--config", given)
    assert (result.exit_code, result.stdout) == (2, "") and message in result.stderr


def test_the_configuration_of_a_run(here):
    put(here, bad=BAD, graphlint='output-format = "concise"\nbaseline = "known.txt"\n')
    assert "write it with --write-baseline known.txt" in run("bad.keras").stderr.replace(f"{here.as_posix()}/", "")
    assert run("bad.keras", "--write-baseline", "known.txt").stdout == ""
    assert run("bad.keras").exit_code == 0
    assert run("bad.keras", "--config", "baseline=").stdout.count("\n") == 3
    assert run("bad.keras", "--format", "grouped").stdout == "Nothing new in 1 model (3 in the baseline)\n"


def test_a_configuration_beside_models_says_nothing_of_the_run(here):
    put(here, sub__bad=BAD, sub__graphlint='output-format = "concise"\nbaseline = "known.txt"\n')
    document, exit_code = checked("sub")
    assert exit_code == 1 and "output-format, baseline counts only in the configuration" in document["notes"][0]


def test_the_target_of_a_configuration_and_of_a_rule(here):
    put(here, bad=BAD, graphlint='target-keras = "2.15"\n')
    assert "K010" in codes(checked("bad.keras")[0])
    put(here, graphlint='target-keras = "2.15"\n[rules.K010]\ntarget-keras = "3.12"\n')
    assert "K010" not in codes(checked("bad.keras")[0])


def test_the_schema_of_the_configuration():
    result = CliRunner().invoke(main, ["config", "schema"])
    assert "softmax-on-one" in json.loads(result.stdout)["properties"]["rules"]["properties"]
