"""Models at URLs: what is read of them, and what happens if reading goes wrong."""

from __future__ import annotations

import io
import logging
import sys
import zipfile
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner

import graphlint
from graphlint.cli import main
from graphlint.sources import remote
from graphlint.sources.remote import RemoteFile, cleaned, expanded
from graphlint.sources.urls import shown
from tests.fleet.serving import served
from tests.hostile.files import keras_archive, weights

DATA = Path(__file__).parents[1] / "data"
GOOD = (DATA / "good.keras").read_bytes()
BAD = (DATA / "bad.keras").read_bytes()
DEPTHS = ("config", "structure", "weights")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(remote, "FIRST_DELAY", 0.01)


@pytest.fixture
def large() -> bytes:
    """A model with 4 MB of weights that its layers do not have."""
    import numpy as np

    def build(file):
        file["layers/other/vars/0"] = np.ones((1024, 1024), "f4")

    return keras_archive(stored=weights(build))


def findings(report) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in report.findings]


def reason(report) -> str:
    (finding,) = report.findings
    assert finding.code == "E001"
    assert report.models[0].status == "refused"
    return finding.message


def test_a_url_gives_what_the_file_gives():
    local = graphlint.check(DATA / "bad.keras")
    with served(bad_keras=BAD) as serving:
        report = graphlint.check(f"{serving.url}/bad.keras")
    assert findings(report) == findings(local) and findings(local)
    assert report.models[0].path == f"{serving.url}/bad.keras"
    assert (report.models[0].skipped_rules, report.parameters) == (local.models[0].skipped_rules, local.parameters)


def test_a_depth_reads_no_more_than_it_says(large):
    moved = {}
    with served(large_keras=large) as serving:
        for depth in DEPTHS:
            place = RemoteFile(f"{serving.url}/large.keras")
            before = serving.sent
            report = graphlint.check(place, depth=depth)
            moved[depth] = serving.sent - before
            assert report.models[0].depth == depth
            assert place.content().bytes == moved[depth]
    assert moved["config"] < 100_000 < moved["structure"] + 100_000 < 500_000
    assert len(large) <= moved["weights"] < 1.2 * len(large)


def test_the_rules_that_a_depth_cannot_run_are_said():
    def skipped(depth):
        return {rule.code: rule.reason for rule in graphlint.check(BAD, depth=depth).models[0].skipped_rules}

    assert skipped("config")["N001"] == "needs the numbers of the weights, which --depth config leaves out"
    assert skipped("config")["K009"] == "needs the structure of the weights, which --depth config leaves out"
    assert skipped("config")["T001"] == "looked for weights, which --depth config leaves out"
    assert skipped("config")["X003"] == "looked at the configuration alone, as --depth config says"
    assert skipped("structure")["N001"] == "needs the numbers of the weights, which --depth structure leaves out"
    assert not {"N001", "K009", "T001", "X003"} & set(skipped("weights"))
    assert not {"A001", "D001"} & set(skipped("config"))


def test_weights_alone_have_no_configuration(tmp_path):
    (tmp_path / "m.weights.h5").write_bytes(weights())
    report = graphlint.check(tmp_path / "m.weights.h5", depth="config")
    assert "has no configuration: check it with --depth structure" in reason(report)
    assert graphlint.check(tmp_path / "m.weights.h5", depth="structure").models[0].status == "checked"


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"failing": 3}, {"cutting": 3}, {"failing": 2, "cutting": 2}, {"delay": 0.02}])
def test_what_passes_is_tried_again(fault):
    with served(bad_keras=BAD) as serving:
        for name, value in fault.items():
            setattr(serving, name, value)
        report = graphlint.check(f"{serving.url}/bad.keras")
    assert findings(report) == findings(graphlint.check(BAD))


@pytest.mark.parametrize("fault", ["failing", "cutting"])
def test_what_does_not_pass_is_a_finding(fault):
    with served(bad_keras=BAD) as serving:
        setattr(serving, fault, 10**6)
        assert "cannot be read" in (said := reason(graphlint.check(f"{serving.url}/bad.keras")))
        assert "after 5 tries" in said
        assert serving.requests <= 12


def test_no_answer_in_time(monkeypatch):
    monkeypatch.setattr(remote, "TIMEOUT", 0.3)
    monkeypatch.setattr(remote, "TRIES", 2)
    with served(bad_keras=BAD) as serving:
        serving.delay = 2.0
        assert "no answer in time" in reason(graphlint.check(f"{serving.url}/bad.keras"))


@pytest.mark.parametrize("after", range(1, 5))
def test_what_changes_in_between_is_an_error(large, after):
    with served(large_keras=large) as serving:
        serving.changing = after
        assert "changed while it was read" in reason(graphlint.check(f"{serving.url}/large.keras"))


def test_a_server_that_sends_no_parts(large):
    with served(large_keras=large) as serving:
        serving.ranges = False
        report = graphlint.check(f"{serving.url}/large.keras", depth="structure")
        assert report.models[0].status == "checked"
        assert serving.sent == len(large)
        serving.changing = serving.requests + 1
        assert "changed while it was read" in reason(graphlint.check(f"{serving.url}/large.keras"))


def test_a_store_in_which_an_object_changes():
    store = fsspec.filesystem("memory")
    store.pipe("/changing.keras", BAD)
    place = RemoteFile("memory://changing.keras")
    place.content().read_at(0, 10)
    store.pipe("/changing.keras", BAD)
    with pytest.raises(graphlint.UnreadableError, match="changed while it was read"):
        place.finish()


def test_what_is_not_there_or_may_not_be_read():
    with served(a_keras=GOOD) as serving:
        assert "there is no" in reason(graphlint.check(f"{serving.url}/b.keras"))
        serving.password = "open"
        said = reason(graphlint.check(f"{serving.url}/a.keras?sig=wrong-one"))
        assert "may not be read: check the credentials" in said and "wrong-one" not in said
    assert "there is no memory://none.keras" in reason(graphlint.check("memory://none.keras"))


def test_credentials_are_in_no_message():
    with served(a_keras=BAD, b_keras=b"junk") as serving:
        address = serving.url.removeprefix("http://")
        for name in ("a", "b", "c"):
            url = f"http://me:geheim@{address}/{name}.keras?X-Amz-Signature=abcdef&x=unguessable"
            result = CliRunner().invoke(main, ["check", "-vv", url, "--isolated", "--format", "json"])
            assert f"http://***@{address}/{name}.keras?X-Amz-Signature=***" in result.stdout
            for secret in ("geheim", "abcdef", "unguessable"):
                assert secret not in result.output


def test_messages_of_libraries_are_cleaned():
    url = "https://me:geheim@host/m.keras?sig=abcdef"
    said = cleaned(f"Cannot connect to {url} (me:geheim), sig=abcdef, https://you:other@proxy/, token=xyz", url)
    assert not any(secret in said for secret in ("geheim", "abcdef", "other", "xyz"))
    assert shown("s3://bucket/a?b.keras") == "s3://bucket/a?b.keras"


# -- several, folders, extras -----------------------------------------------------------------------------------------


@pytest.fixture
def store():
    found = fsspec.filesystem("memory")
    for name, content in {"a.keras": GOOD, "deep/b.keras": BAD, "deep/.hidden/c.keras": BAD, "notes.txt": b"x"}.items():
        found.pipe(f"/store/{name}", content)
    yield found
    found.rm("/store", recursive=True)


def test_patterns_and_folders(store):
    def paths(*urls):
        report = CliRunner().invoke(main, ["check", *urls, "--isolated", "--format", "concise"])
        return sorted({line.partition(".keras")[0] for line in report.stdout.splitlines()})

    assert paths("memory://store/*.keras") == []
    assert paths("memory://store/**/b.keras") == ["memory:///store/deep/b"]
    assert paths("memory://store", "-j", "2") == ["memory:///store/deep/b"]
    assert expanded("memory://store/", (".keras",)) == ["memory:///store/a.keras", "memory:///store/deep/b.keras"]
    empty = CliRunner().invoke(main, ["check", "memory://store/*.h5"])
    assert empty.exit_code == 2 and "E004" in empty.stdout


def test_an_unpacked_model_in_a_store(store):
    import zipfile

    with zipfile.ZipFile(io.BytesIO(BAD)) as archive:
        for name in archive.namelist():
            store.pipe(f"/store/unpacked/{name}", archive.read(name))
    report = graphlint.check("memory://store/unpacked")
    assert (report.models[0].format, report.models[0].status) == ("directory", "checked")
    assert {code for code, _ in findings(report)} == {code for code, _ in findings(graphlint.check(BAD))}
    assert "memory:///store/unpacked" in expanded("memory://store", (".keras",))


@pytest.mark.parametrize(("url", "extra"), [("s3://b/m.keras", "s3"), ("gs://b/m.keras", "gcs"), ("hf://u/m.h5", "hf")])
def test_without_its_extra_a_store_is_one_clear_line(monkeypatch, url, extra):
    for module in ("s3fs", "gcsfs", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, url.partition(":")[0], raising=False)
    remote._filesystem.cache_clear()
    assert f"pip install 'keras-graphlint[{extra}]'" in reason(graphlint.check(url))
    remote._filesystem.cache_clear()


def test_what_fsspec_does_not_know():
    assert "Protocol not known" in reason(graphlint.check("nothing://m.keras"))


# -- in memory --------------------------------------------------------------------------------------------------------


def test_bytes_and_open_files(tmp_path):
    expected = findings(graphlint.check(DATA / "bad.keras"))
    (tmp_path / "bad.keras").write_bytes(BAD)
    with (tmp_path / "bad.keras").open("rb") as file:
        file.seek(7)
        assert findings(graphlint.check(file)) == expected
        assert file.tell() == 7
    for source in (BAD, bytearray(BAD), memoryview(BAD), io.BytesIO(BAD)):
        assert findings(graphlint.check(source)) == expected
    assert graphlint.check(BAD, name="mine").models[0].path == "mine"
    assert graphlint.to_networkx(BAD).number_of_nodes() > 10


def test_what_cannot_be_read_as_bytes(tmp_path):
    (tmp_path / "m.json").write_text("{}")
    with (tmp_path / "m.json").open() as file, pytest.raises(graphlint.GraphlintError, match="open as text"):
        graphlint.check(file)


# -- an object store --------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch):
    """A store with a bucket ``models``."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unguessable")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    fsspec.asyn.reset_lock()
    fsspec.filesystem("s3").clear_instance_cache()
    remote._filesystem.cache_clear()
    try:
        store = fsspec.filesystem("s3", skip_instance_cache=True)
        if not store.exists("models"):
            store.mkdir("models")
        yield store
    finally:
        server.stop()


def test_s3(s3):
    s3.pipe({"models/a.keras": GOOD, "models/deep/b.keras": BAD})
    assert findings(graphlint.check("s3://models/deep/b.keras")) == findings(graphlint.check(BAD))
    result = CliRunner().invoke(main, ["check", "s3://models/**/*.keras", "s3://models/none.keras", "--isolated"])
    assert "s3://models/deep/b.keras" in result.stdout and "there is no s3://models/none.keras" in result.stdout
    assert "unguessable" not in result.output
    place = RemoteFile("s3://models/a.keras")
    place.content().read_at(0, 10)
    s3.pipe("models/a.keras", BAD)
    with pytest.raises(graphlint.UnreadableError, match="changed while it was read"):
        place.content().read_at(30_000, 10)
    with pytest.raises(graphlint.UnreadableError, match="changed while it was read"):
        place.finish()


# -- what was found before --------------------------------------------------------------------------------------------


STRONG = '"0c1a9b7e5d3f42686a8c0e2f4b6d8a9c"'


def cached(url: str, **options):
    (report,) = graphlint.check_many([url], cache=True, **options)
    return report


def test_an_object_that_is_the_same_is_not_read_again():
    with served(bad_keras=BAD) as serving:
        serving.tag = STRONG
        first = cached(f"{serving.url}/bad.keras")
        requests, sent = serving.requests, serving.sent
        again = cached(f"{serving.url}/bad.keras")
        assert (serving.requests, serving.sent) == (requests + 1, sent)
        assert findings(again) == findings(first) == findings(graphlint.check(BAD))
        # Under another name, another depth or other rules it is another report.
        serving.files["other.keras"] = BAD
        cached(f"{serving.url}/other.keras")
        assert serving.sent > sent
        serving.files["bad.keras"], serving.tag = GOOD, STRONG.replace("0c1a", "1c1a")
        assert not findings(cached(f"{serving.url}/bad.keras"))


def test_its_structure_serves_other_rules():
    """Nothing but what the server says of it is asked, and the report is the one of the file."""
    with served(bad_keras=BAD) as serving:
        serving.tag = STRONG
        cached(f"{serving.url}/bad.keras")
        for options in ({"preview": True}, {"ignore": "A001"}, {"select": "D"}, {"target_keras": "3.8"}):
            requests, sent = serving.requests, serving.sent
            found = cached(f"{serving.url}/bad.keras", **options)
            assert (serving.requests, serving.sent) == (requests + 1, sent)
            assert findings(found) == findings(graphlint.check(BAD, **options))
        sent = serving.sent
        cached(f"{serving.url}/bad.keras", depth="config")
        assert serving.sent > sent


@pytest.mark.parametrize(
    "tag", ["", 'W/"0c1a9b7e5d3f42686a8c0e2f4b6d8a9c"', '"first"', f'"65f1c2a0-{len(BAD):x}"'], ids=repr
)
def test_what_may_be_another_object_is_read_again(tag):
    """No ETag, a weak one, a counter, and what nginx makes of time and size."""
    with served(bad_keras=BAD) as serving:
        serving.tag = tag
        cached(f"{serving.url}/bad.keras")
        sent = serving.sent
        cached(f"{serving.url}/bad.keras")
        assert serving.sent > sent


def test_an_object_that_changes_while_it_is_checked_is_not_kept(monkeypatch):
    with served(bad_keras=BAD) as serving:
        serving.changing = 2
        assert "changed while it was read" in reason(cached(f"{serving.url}/bad.keras"))
        serving.changing, serving.tag = None, STRONG
        assert findings(cached(f"{serving.url}/bad.keras")) == findings(graphlint.check(BAD))


def test_processes_keep_and_find_objects():
    with served(bad_keras=BAD) as serving:
        serving.tag = STRONG
        urls = [f"{serving.url}/bad.keras?{number}" for number in range(12)]
        with graphlint.Workers(2) as workers:
            first = [findings(one) for one in graphlint.check_many(urls, executor=workers, cache=True)]
            sent = serving.sent
            again = [findings(one) for one in graphlint.check_many(urls, executor=workers, cache=True)]
    assert first == again == [findings(graphlint.check(BAD))] * 12
    assert serving.sent == sent


def test_a_resumed_run_asks_whether_an_object_is_the_same(tmp_path, monkeypatch):
    from graphlint.engine.linter import Linter
    from graphlint.fleet.journal import Journal
    from graphlint.fleet.tasks import Checked, Settings, Task

    def task(url):
        return Task(0, url, url, Settings())

    with served(bad_keras=BAD) as serving:
        url = f"{serving.url}/bad.keras"
        report = Linter().check_file(url)
        with Journal(["run"], tmp_path) as journal:
            from graphlint.fleet import content

            state = content.state(url)
            assert state is not None
            journal.place(task(url)).keep(report, Checked(report, content.Content(state, None)).held)
        with Journal(["run"], tmp_path) as journal:
            assert journal.place(task(url)).found() is not None
            serving.tag = '"second"'
            assert journal.place(task(url)).found() is None


@pytest.mark.parametrize("protocol", ["s3", "memory"])
def test_a_store_says_what_an_object_holds(protocol, request, tmp_path, monkeypatch):
    """S3 has ETags, of a folder those of all that is in it; of what is in memory there is only the time."""
    store = request.getfixturevalue("s3") if protocol == "s3" else fsspec.filesystem("memory")
    url = f"{protocol}://models/kept"
    with zipfile.ZipFile(io.BytesIO(BAD)) as archive:
        archive.extractall(tmp_path / "unpacked")
    for path in (tmp_path / "unpacked").iterdir():
        store.pipe_file(f"{url}/unpacked/{path.name}", path.read_bytes())
    store.pipe_file(f"{url}/bad.keras", BAD)
    read = []
    whole = remote.Content._whole

    def counting(self, data, start, end):
        read.append(len(data))
        return whole(self, data, start, end)

    def are_read(name, local, **options) -> bool:
        read.clear()
        assert findings(cached(f"{url}/{name}", **options)) == findings(graphlint.check(local, **options))
        return bool(read)

    monkeypatch.setattr(remote.Content, "_whole", counting)
    for name, local in (("bad.keras", BAD), ("unpacked", tmp_path / "unpacked")):
        assert are_read(name, local)
        assert are_read(name, local) == (protocol == "memory")
        assert are_read(name, local, preview=True) == (protocol == "memory")
    store.pipe_file(f"{url}/unpacked/metadata.json", b"{}")
    assert are_read("unpacked", tmp_path / "unpacked")
