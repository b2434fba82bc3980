"""Flags as services get them without a flag service of their own (R16): by OFREP, and by flagd's two sources. The
clients are those of OpenFeature."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.provider import AbstractProvider

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flag_server import MOST
from pilotage.adapters.flags.flagd_adapter import ADAPTER, FlagdSection
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.app.flag_serving import NoFlags, Serving, Wanted, served
from pilotage.app.project import Project
from pilotage.model.errors import Invalid
from pilotage.model.flag import OFF, Ramp
from pilotage.model.segment import Segment
from pilotage.openfeature import VariantCounter
from pilotage.testing import FlagsUnderTest, written
from pilotage.testing.contracts.flags import FlagsContract

pytestmark = pytest.mark.real
ENVIRONMENT = """
    fleet: {kind: process, command: [run, "{port}", "{version}"], count: 2, health_check_path: /healthz}
    router: {kind: envoy, listen: "127.0.0.1:28080", sticky: {cookie: session}}
"""
ANSWERS = """
answers:
  release_type: minor
  deployment_strategy: feature-toggle
  team_size: medium
  release_frequency: weekly
  risk_tolerance: medium
  stakeholders: [customer-facing]
"""
ONE = f"service: shop{ANSWERS}environments:\n  production:{ENVIRONMENT}    flag: {{file: flags.json, key: checkout}}\n"
ADA = {"context": {"targetingKey": "ada"}}


class Served:
    """A project whose flags are served, and what was said meanwhile."""

    def __init__(
        self, folder: Path, config: str = ONE, listen: tuple[str, int] = ("127.0.0.1", 0), **wanted: Any
    ) -> None:
        (folder / "pilotage.yaml").write_text(config)
        self.folder, self.said, self._ends = folder, list[str](), ExitStack()
        self.serving: Serving = self._ends.enter_context(
            served(Project(folder / "pilotage.yaml"), None, Wanted(listen=listen, **wanted), self.said.append)
        )
        self.url = f"http://127.0.0.1:{self.serving.port}"

    def flag(self, token: int = 1, key: str = "checkout", file: str = "flags.json") -> FlagdFile:
        return FlagdFile(self.folder / file, key, Fence(self.folder / "fence.json", token))

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers in lower case. body: JSON, or bytes as they are; None: a GET."""
        connection = HTTPConnection("127.0.0.1", self.serving.port, timeout=30)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            connection.request("GET", path, headers=named)
        else:
            connection.request("POST", path, sent, {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        content = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, json.loads(content) if content else None, found

    def evaluate(self, key: str = "checkout", body: object = ADA) -> tuple[int, Any]:
        status, content, _ = self.ask(f"/ofrep/v1/evaluate/flags/{key}", body)
        return status, content

    def end(self) -> None:
        self._ends.close()


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path, sync=("127.0.0.1", 0))
    yield made
    made.end()


@pytest.fixture
def domain() -> Iterator[str]:
    yield "served"
    api.clear_hooks()
    api.shutdown()


def value(domain: str, user: str = "ada", key: str = "checkout", **attributes: Any) -> bool:
    return api.get_client(domain).get_boolean_value(key, False, EvaluationContext(user, attributes))


def within(provider: AbstractProvider, domain: str) -> None:
    api.set_provider_and_wait(provider, domain)


class ByFile:
    """A service that fetches the definitions and evaluates them itself: for tests that ask for hundreds of users."""

    def __init__(self, it: Served) -> None:
        self._it, self._core, self._of = it, FlagdCore(), b""

    def is_on(self, user: str, group: str) -> bool:
        if (now := (self._it.folder / "flags.json").read_bytes()) != self._of:
            self._of = now
            self._core.set_flags(self._it.ask("/flags.json")[1])
        return self._core.resolve_boolean_value("checkout", False, EvaluationContext(user, {"group": group})).value


class TestFlagdOverOfrep(FlagsContract):
    """Every sentence of the port, as a service sees it that asks over OFREP."""

    @pytest.fixture
    def flag(self, it: Served, domain: str) -> FlagsUnderTest:
        within(OFREPProvider(it.url), domain)
        file = it.folder / "flags.json"

        def configured(token: int, segments: Mapping[str, Segment]) -> Flags:
            section = FlagdSection.model_validate({"file": "x", "key": "checkout", "segments": written(segments)})
            return FlagdFile(file, "checkout", Fence(it.folder / "fence.json", token), section.segment_of)

        return FlagsUnderTest(
            open=it.flag,
            open_with=configured,
            evaluate=lambda user, context: value(domain, user, **dict[str, Any](context)),
            is_on=ByFile(it).is_on,
            can=ADAPTER.capabilities,
        )


def test_r16_a_provider_in_process_follows_the_file_over_grpc(it: Served, domain: str) -> None:
    it.flag().apply(Ramp(("beta",), 0))
    within(in_process(it), domain)
    assert (value(domain), value(domain, group="beta")) == (False, True)
    for ramp, on in ((Ramp((), 1000), True), (OFF, False), (Ramp((), 1000), True)):
        it.flag().apply(ramp)
        until(lambda on=on: value(domain) is on)
    counter = VariantCounter("checkout")
    api.add_hooks([counter.hook])
    value(domain)
    until(lambda: 'pilotage_flag_bucketing{flag="checkout",algorithm="cbor"} 1' in counter.page())


def test_r16_who_evaluates_in_process_keeps_the_flag_while_nothing_serves_and_then_follows_again(
    tmp_path: Path, domain: str
) -> None:
    first = Served(tmp_path, sync=("127.0.0.1", 0))
    port = first.serving.sync
    assert port is not None
    first.flag().apply(Ramp((), 1000))
    within(in_process(first), domain)
    first.end()
    first.flag().apply(OFF)
    assert value(domain) is True
    again = Served(tmp_path, sync=("127.0.0.1", port))
    try:
        until(lambda: not value(domain))
    finally:
        again.end()


def in_process(it: Served, selector: str | None = None) -> FlagdProvider:
    """It follows our stream, without a flagd in between."""
    return FlagdProvider(
        resolver_type=ResolverType.IN_PROCESS, host="127.0.0.1", port=it.serving.sync, tls=False, selector=selector,
        deadline_ms=20_000, retry_backoff_ms=200, retry_backoff_max_ms=200,
    )  # fmt: skip


def until(holds: Any, seconds: float = 60) -> None:
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end
        sleep(0.02)


# ── OFREP, as the protocol says ────────────────────────────────────────────────────────────────────────────


def test_ofrep_answers_a_flag_of_any_type_with_variant_reason_and_metadata(it: Served, domain: str) -> None:
    (it.folder / "flags.json").write_text(
        json.dumps(
            {
                "metadata": {"owner": "shop"},
                "flags": {
                    "text": {"state": "ENABLED", "variants": {"a": "x", "b": "y"}, "defaultVariant": "b"},
                    "whole": {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "b"},
                    "real": {"state": "ENABLED", "variants": {"a": 1, "b": 2.5}, "defaultVariant": "a"},
                    "object": {"state": "ENABLED", "variants": {"a": {"n": [1]}}, "defaultVariant": "a"},
                    "off": {"state": "DISABLED", "variants": {"on": True}, "defaultVariant": "on"},
                    "code": {"state": "ENABLED", "variants": {"on": True, "off": False}},
                },
            }
        )
    )
    assert it.evaluate("text")[1] == {
        "key": "text", "value": "y", "variant": "b", "reason": "STATIC", "metadata": {"owner": "shop"}
    }  # fmt: skip
    assert it.evaluate("object")[1]["value"] == {"n": [1]}
    assert "value" not in it.evaluate("off")[1]
    assert it.evaluate("off")[1]["reason"] == "DISABLED"
    assert "value" not in it.evaluate("code")[1]
    within(OFREPProvider(it.url), domain)
    client, context = api.get_client(domain), EvaluationContext("ada")
    assert client.get_string_value("text", "", context) == "y"
    assert client.get_integer_value("whole", 0, context) == 2
    assert client.get_float_value("real", 0.0, context) == 1.0
    assert client.get_object_value("object", {}, context) == {"n": [1]}
    assert client.get_boolean_value("off", True, context) is True, "the code's default"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"[" * 30_000, "PARSE_ERROR"),
        ({}, "INVALID_CONTEXT"),
        ([], "INVALID_CONTEXT"),
        ({"context": "ada"}, "INVALID_CONTEXT"),
        ({"context": {"targetingKey": 7}}, "INVALID_CONTEXT"),
        ({"context": {}}, "TARGETING_KEY_MISSING"),
        ({"context": {"targetingKey": ""}}, "TARGETING_KEY_MISSING"),
    ],
)
def test_ofrep_refuses_a_context_that_it_cannot_use(it: Served, body: object, code: str) -> None:
    it.flag().apply(Ramp((), 1000))
    status, one = it.evaluate("checkout", body)
    assert (status, one["key"], one["errorCode"]) == (400, "checkout", code)
    status, every, _ = it.ask("/ofrep/v1/evaluate/flags", body)
    assert (status, every["errorCode"]) == (400, code)


def test_ofrep_says_what_is_wrong_with_a_flag(it: Served, domain: str) -> None:
    broken = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on", "targeting": {"no-such-op": [1]}}
    elsewhere = {**broken, "targeting": {"if": [True, "elsewhere"]}}
    (it.folder / "flags.json").write_text(json.dumps({"flags": {"broken": broken, "elsewhere": elsewhere}}))
    assert it.evaluate("missing")[0] == 404
    assert it.evaluate("missing")[1]["errorCode"] == "FLAG_NOT_FOUND"
    for key in ("broken", "elsewhere"):
        status, found = it.evaluate(key)
        assert (status, found["key"]) == (400, key)
        assert found["errorCode"] in ("PARSE_ERROR", "GENERAL")
    every = it.ask("/ofrep/v1/evaluate/flags", ADA)[1]["flags"]
    assert [one["key"] for one in every] == ["broken", "elsewhere"]
    within(OFREPProvider(it.url), domain)
    details = api.get_client(domain).get_boolean_details("missing", False, EvaluationContext("ada"))
    assert details.error_code is ErrorCode.FLAG_NOT_FOUND


def test_ofrep_answers_all_flags_and_then_that_nothing_changed(it: Served) -> None:
    it.flag().apply(Ramp((), 1000))
    path = "/ofrep/v1/evaluate/flags"
    status, every, headers = it.ask(path, ADA)
    assert (status, [(one["key"], one["value"]) for one in every["flags"] if one["key"] == "checkout"]) == (
        200,
        [("checkout", True)],
    )
    tag = headers["etag"]
    assert it.ask(path, ADA, If_None_Match=tag)[:2] == (304, None)
    assert it.ask(path, ADA, If_None_Match=f'"x", W/{tag}')[0] == 304
    it.flag().apply(OFF)
    assert it.ask(path, ADA, If_None_Match=tag)[0] == 200


def test_ofrep_takes_no_context_without_a_length_or_beyond_the_limit(it: Served) -> None:
    status, found = it.evaluate(body=b"{" + b" " * MOST)
    assert (status, "at most" in found["errorDetails"]) == (413, True)
    with socket.create_connection(("127.0.0.1", it.serving.port), timeout=30) as raw:
        raw.sendall(b"POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.0 411")
    assert it.ask("/ofrep/v1/elsewhere", ADA)[0] == 404
    assert it.ask("/etc/passwd")[0] == 404


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    it = Served(tmp_path, rate=1)
    try:
        answers = [it.ask("/ofrep/v1/evaluate/flags", ADA) for _ in range(20)]
        assert answers[0][0] == 200
        refused = [headers for status, _, headers in answers if status == 429]
        assert refused
        assert {headers["retry-after"] for headers in refused} == {"1"}
    finally:
        it.end()


def test_a_token_is_asked_for_everywhere_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FLAGS_TOKEN", "s3cret-of-flags")
    it = Served(tmp_path, token="secret://env/FLAGS_TOKEN", sync=("127.0.0.1", 0))
    try:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"X_API_Key": "wrong"}, {"Authorization": "Bearer é"}):
            status, found, answered = it.ask("/ofrep/v1/evaluate/flags", ADA, **headers)
            assert (status, answered["www-authenticate"]) == (401, "Bearer")
            assert it.ask("/flags.json", **headers)[0] == 401
            assert "s3cret" not in str(found)
        for headers in ({"Authorization": "Bearer s3cret-of-flags"}, {"X_API_Key": "s3cret-of-flags"}):
            assert it.ask("/ofrep/v1/evaluate/flags", ADA, **headers)[0] == 200
            assert it.ask("/flags.json", **headers)[0] == 200
        assert it.ask("/healthz")[0] == 200
        assert fetched(it, ()) == "UNAUTHENTICATED"
        assert fetched(it, (("authorization", "Bearer s3cret-of-flags"),)) == '{"flags": {}}'
        assert "s3cret" not in caplog.text + str(it.said)
    finally:
        it.end()
    with pytest.raises(AdapterError, match="NOT_THERE"):
        Served(tmp_path, token="secret://env/NOT_THERE")
    with pytest.raises(Invalid, match="takes a reference to the secret") as refused:
        Served(tmp_path, token="s3cret-of-flags")
    assert "s3cret" not in str(refused.value)


def test_flags_that_others_can_read_are_said(tmp_path: Path) -> None:
    it = Served(tmp_path, listen=("0.0.0.0", 0))
    it.end()
    assert it.said == ["anyone who reaches 0.0.0.0:0 can read the flags: set --token"]


def fetched(it: Served, metadata: tuple[tuple[str, str], ...], selector: str = "") -> str:
    """What flagd.sync.v1 FetchAllFlags answers, or the name of its error."""
    import grpc
    from openfeature.schemas.protobuf.flagd.sync.v1.sync_pb2 import FetchAllFlagsRequest
    from openfeature.schemas.protobuf.flagd.sync.v1.sync_pb2_grpc import FlagSyncServiceStub

    with grpc.insecure_channel(f"127.0.0.1:{it.serving.sync}") as channel:
        try:
            request = FetchAllFlagsRequest(selector=selector)
            return str(
                FlagSyncServiceStub(channel).FetchAllFlags(request, metadata=metadata, timeout=60).flag_configuration
            )
        except grpc.RpcError as error:
            return str(error.code().name)


# ── the file ───────────────────────────────────────────────────────────────────────────────────────────────


def test_flagds_http_source_gets_the_file_once_and_then_only_changes(it: Served) -> None:
    it.flag().apply(Ramp((), 100))
    status, found, headers = it.ask("/flags.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert found == json.loads((it.folder / "flags.json").read_text())
    for path in ("/flags.json", "/shop/production/flags.json"):
        assert it.ask(path, If_None_Match=headers["etag"])[:2] == (304, None)
        assert it.ask(path, If_Modified_Since=headers["last-modified"])[0] == 304
    assert it.ask("/flags.json", If_None_Match='"x"', If_Modified_Since=headers["last-modified"])[0] == 200
    assert it.ask("/flags.json", If_Modified_Since="yesterday")[0] == 200
    it.flag().apply(OFF)
    assert it.ask("/flags.json", If_None_Match=headers["etag"])[0] == 200


@pytest.mark.parametrize("trouble", ["torn", "gone", "no flags", "a folder"])
def test_while_the_file_is_unreadable_the_last_good_definitions_are_served_and_it_is_said(
    it: Served, trouble: str
) -> None:
    file = it.folder / "flags.json"
    it.flag().apply(Ramp((), 1000))
    before = it.ask("/flags.json")[2]["etag"]
    whole = file.read_bytes()
    file.unlink()
    if trouble == "torn":
        file.write_bytes(whole[:50])
    elif trouble == "no flags":
        file.write_text("[]")
    elif trouble == "a folder":
        file.mkdir()
    assert it.evaluate()[1]["value"] is True
    assert it.ask("/flags.json")[2]["etag"] == before
    assert fetched(it, ()) == whole.decode()
    assert "The last definitions that could be read are served" in it.said[-1]
    assert "flags.json" in it.ask("/healthz")[1]["troubles"]["shop/production"]
    if trouble == "a folder":
        file.rmdir()
    file.write_bytes(whole)
    assert it.evaluate()[1]["value"] is True
    assert it.said[-1].endswith("can be read again")
    it.flag().apply(OFF)
    assert it.evaluate()[1]["value"] is False
    assert it.ask("/healthz")[1] == {"troubles": {}, "bucketing": "cbor"}
    assert len(it.said) == 2, "each change is said once"


def test_r16_a_neighbours_broken_definition_does_not_keep_the_kill_switch_from_users(it: Served, domain: str) -> None:
    """Somebody else breaks their own flag in the same file. OpenFeature's evaluators refuse the whole file then."""
    within(in_process(it), domain)
    it.flag().apply(Ramp((), 1000))
    until(lambda: value(domain))
    whole = json.loads((it.folder / "flags.json").read_text())
    whole["flags"]["other"] = {"state": "ON", "variants": {}}
    (it.folder / "flags.json").write_text(json.dumps(whole))
    it.flag().apply(OFF)
    assert it.evaluate()[1]["value"] is False
    assert it.evaluate("other")[0] == 404
    until(lambda: not value(domain))
    assert "flag other is left out" in it.said[-1]


def test_a_file_that_could_never_be_read_is_an_error_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_text("{")
    it = Served(tmp_path, sync=("127.0.0.1", 0))
    try:
        assert it.evaluate()[0] == 500
        assert it.ask("/flags.json")[0] == 500
        assert it.ask("/healthz")[0] == 503
        assert fetched(it, ()) == "UNAVAILABLE"
    finally:
        it.end()


# ── several files ──────────────────────────────────────────────────────────────────────────────────────────


def environment(port: int, file: str, key: str) -> str:
    settings = f"{ENVIRONMENT.replace('28080', str(port))}    flag: {{file: {file}, key: {key}}}\n"
    return settings.replace("\n", "\n    ")


TWO = f"""service: all{ANSWERS}services:
  shop:
    environments:
      staging:{environment(28081, "staging.json", "checkout")}
      production:{environment(28082, "flags.json", "checkout")}
  search:
    environments:
      production:{environment(28083, "flags.json", "fuzzy")}
"""


def test_several_files_are_told_apart_by_path_or_selector(tmp_path: Path, domain: str) -> None:
    it = Served(tmp_path, TWO, sync=("127.0.0.1", 0))
    try:
        assert it.serving.sets == ("shop/staging", "shop/production", "search/production")
        it.flag(file="staging.json").apply(Ramp((), 1000))
        it.flag().apply(OFF)
        it.flag(key="fuzzy").apply(Ramp((), 1000))
        status, found, _ = it.ask("/ofrep/v1/evaluate/flags", ADA)
        assert (status, "choose the flags of one of shop/staging" in found["errorDetails"]) == (404, True)
        assert it.ask("/ofrep/v1/evaluate/flags/checkout", ADA, Flagd_Selector="shop/staging")[1]["value"] is True
        assert it.ask("/shop/production/ofrep/v1/evaluate/flags/checkout", ADA)[1]["value"] is False
        assert it.ask("/shop/nowhere/flags.json")[0] == 404
        assert fetched(it, ()) == "NOT_FOUND"
        assert '"fuzzy"' in fetched(it, (("flagd-selector", "search/production"),))
        assert '"fuzzy"' not in fetched(it, (), "shop/staging")
        within(OFREPProvider(f"{it.url}/shop/staging"), domain)
        assert value(domain) is True
        within(in_process(it, "search/production"), domain)
        assert value(domain, key="fuzzy") is True
    finally:
        it.end()


def test_a_project_without_a_flag_has_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(NoFlags, match="no environment"):
        Served(tmp_path, ONE.replace("    flag: {file: flags.json, key: checkout}\n", ""))


def test_an_address_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AdapterError, match="cannot listen"):
        Served(tmp_path, sync=taken.getsockname())
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AdapterError, match="cannot listen"):
        Served(tmp_path, listen=taken.getsockname())
    assert not [one for one in threading.enumerate() if one.name == "flag sync"]
