"""What is served of a file of flags (R16), whatever the file and a request contain."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotage.adapters.flags.flag_server import FlagServer, FlagSets, Rate
from pilotage.adapters.flags.ofrep import evaluate, evaluate_all
from pilotage.adapters.flags.served_file import ServedFile, Unservable, definitions_of
from pilotage.adapters.ports import AdapterError
from pilotage.app.flag_serving import Wanted, served
from pilotage.app.project import Project
from tests.effort import examples
from tests.unit.config.test_config import GOOD

WORDS = st.sampled_from(
    ["flags", "state", "ENABLED", "variants", "on", "off", "defaultVariant", "targeting", "if", "fractional", "var",
     "targetingKey", "$evaluators", "$ref", "metadata", "context", "", "\ud800"]
)  # fmt: skip
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=3)
JSONS = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))
FLAG = st.fixed_dictionaries(
    {"state": st.just("ENABLED"), "variants": st.dictionaries(WORDS, JSONS, min_size=1, max_size=3)},
    optional={"defaultVariant": ATOMS, "targeting": JSONS, "metadata": JSONS},
)


@settings(max_examples=examples(50))
@given(JSONS)
def test_any_json_is_definitions_or_refused(content: object) -> None:
    try:
        found = definitions_of(json.dumps(content).encode(), 0.0)
    except Unservable:
        return
    assert json.loads(found.content)["flags"].keys() == found.flags.keys()


@settings(max_examples=examples(50))
@given(st.dictionaries(WORDS, FLAG, max_size=3), JSONS)
def test_any_flag_is_answered_for_any_context(flags: dict[str, object], context: object) -> None:
    definitions = definitions_of(json.dumps({"flags": flags}).encode(), 0.0)
    bodies = (json.dumps(context), json.dumps({"context": context}), '{"context": {"targetingKey": "ada"}}')
    for body in bodies:
        every = evaluate_all(definitions, body.encode(), "")
        assert every.status in (200, 400)
        json.dumps(every.content).encode()
        for key in definitions.flags:
            assert evaluate(definitions, key, body.encode()).status in (200, 400)


@settings(max_examples=examples(50))
@given(st.dictionaries(WORDS, JSONS, max_size=3))
def test_a_flag_of_ours_is_served_beside_whatever_others_wrote(others: dict[str, object]) -> None:
    ours = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    definitions = definitions_of(json.dumps({"flags": {**others, "checkout": ours}}).encode(), 0.0)
    answer = evaluate(definitions, "checkout", b'{"context": {"targetingKey": "ada"}}')
    assert answer.content is not None
    assert answer.content["value"] is True


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_only_python_takes_for_a_number_is_left_out(number: str) -> None:
    flag = '{"state": "ENABLED", "variants": {"on": %s}, "defaultVariant": "on"}'
    content = f'{{"flags": {{"theirs": {flag % number}, "checkout": {flag % "true"}}}}}'
    definitions = definitions_of(content.encode(), 0.0)
    assert list(definitions.flags) == ["checkout"]
    assert list(definitions.broken) == ["theirs"]
    with pytest.raises(Unservable):
        definitions_of(f'{{"flags": {{}}, "metadata": {{"x": {number}}}}}'.encode(), 0.0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_in_another_encoding_is_served_as_utf_8_or_not(encoding: str) -> None:
    content = '{"flags": {}, "metadata": {"owner": "Zoë"}}'
    if encoding == "utf-16":
        with pytest.raises(Unservable):
            definitions_of(content.encode(encoding), 0.0)
    else:
        assert definitions_of(content.encode(encoding), 0.0).content.decode() == content


@pytest.mark.parametrize("path", [b"//[", b"/%", b"/%00/../flags.json", b"*", b"http://x:99999/flags.json"])
def test_an_odd_path_harms_nobody(tmp_path: Path, path: bytes) -> None:
    import threading

    sets = FlagSets(files={"shop/production": ServedFile(tmp_path / "flags.json", print)})
    with FlagServer(("127.0.0.1", 0), sets, None, Rate(100)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for asked in (path, b"/flags.json"):
            with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as raw:
                raw.sendall(b"GET " + asked + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = raw.makefile("rb").read()
        server.shutdown()
    assert answer.startswith(b"HTTP/1.0 200")


def test_grpc_that_is_not_installed_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("grpc", "pilotage.adapters.flags.sync_server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)
    (tmp_path / "pilotage.yaml").write_text(GOOD + "    flag: {file: flags.json, key: new-checkout}\n")
    wanted = Wanted(listen=("127.0.0.1", 0), sync=("127.0.0.1", 0))
    with (
        pytest.raises(AdapterError, match=r"pip install .*\[flagd\]'"),
        served(Project(tmp_path / "pilotage.yaml"), None, wanted, print),
    ):
        pass
