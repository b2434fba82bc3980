"""R34: `/pilotage` in Slack: signed, once, by a known person; what is typed is data."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from pilotage.adapters import slack_callback
from pilotage.adapters.slack_callback import Immediate, Typed
from pilotage.app import callbacks, slash
from pilotage.app.callbacks import callback_server, callbacks_of
from pilotage.app.project import Project, Unclear
from pilotage.app.way import control
from pilotage.engine.records import ways
from pilotage.engine.records.home import here
from pilotage.model.way import Entry, EnvironmentStage
from pilotage.way.machine import begin, decide
from tests.unit.app.test_callbacks import SECRET, signed
from tests.unit.config.test_config import GOOD
from tests.unit.way.ways import World, a_way

PEOPLE = """
people: {bob: {roles: [], aliases: ["slack:U1"]}}
notify: [{kind: slack, token: "secret://env/HOOK", channel: "#x", signing_secret: "secret://env/SIGNING"}]
"""


def form(text: str, user: str = "U1", **more: str) -> bytes:
    return urlencode({
        "token": "old", "team_id": "T1", "channel_id": "C1", "user_id": user, "user_name": "bob",
        "command": "/pilotage", "text": text, "response_url": "https://hooks.slack.com/commands/x", "trigger_id": "1.2",
        **more,
    }).encode()  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "pilotage.yaml").write_text(GOOD + PEOPLE)
    monkeypatch.setenv("SIGNING", SECRET)
    # Of a machine that does other things at the same time.
    monkeypatch.setattr(callbacks, "_SOON", 60.0)
    monkeypatch.setattr(slack_callback, "_PATIENCE", 120.0)
    return Project(tmp_path / "pilotage.yaml")


@pytest.fixture
def line(project: Project) -> Iterator[HTTPConnection]:
    with callback_server(project, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        opened = HTTPConnection("127.0.0.1", server.server_port, timeout=120)
        yield opened
        opened.close()
        server.shutdown()
    project.store.close()


def ask(line: HTTPConnection, body: bytes, at: float | None = None, secret: str = SECRET) -> tuple[int, str]:
    line.request("POST", "/", body, signed(body, at=at or time.time(), secret=secret))
    answer = line.getresponse()
    content = answer.read()
    line.close()
    if answer.status != 200:
        return answer.status, content.decode()
    shown = json.loads(content)
    assert shown["response_type"] == "ephemeral"
    return 200, shown["text"]


def test_r34_words_that_mean_nothing_get_the_list_of_commands(line: HTTPConnection) -> None:
    hostile = "<!channel> $(reboot) ; rm -rf / \u202e && `id`"
    for text in ("", "help", "HELP", hostile, "deploy", "approve 2.4.0", "status now", "x " * 300):
        assert ask(line, form(text)) == (200, slash.HELP)
    status, refused = ask(line, form("deploy <!channel>"))
    assert (status, "<" in refused) == (200, False)
    assert "is no version" in refused
    assert ask(line, form("deploy 2.4.0 -e"))[1].startswith("Not done: -e is followed by an environment")
    assert "no environment 'moon'" in ask(line, form("status -e moon"))[1]
    assert "no deployment to production yet" in ask(line, form("abort all of it"))[1]


def test_r34_only_slack_now_once_and_only_known_people(line: HTTPConnection) -> None:
    body = form("status")
    assert ask(line, body, secret="another")[0] == 401
    assert ask(line, body, at=time.time() - 400)[0] == 401
    now = time.time()
    assert ask(line, body, at=now)[0] == 200
    assert ask(line, body, at=now) == (409, "this request was taken already\n")
    for text in ("status", "deploy 2.4.0", "abort", "approve 2.4.0 approve-production"):
        status, refused = ask(line, form(text, user="U9", user_name="<mallory>"))
        assert (status, refused.partition(",")[0]) == (200, "Nobody in `people` has the alias slack:U9")
        assert "<" not in refused
    assert ask(line, form("status", user=""))[0] == 400


def test_r34_what_takes_longer_is_answered_later(line: HTTPConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    release, told = threading.Event(), threading.Event()
    later: list[tuple[str, object]] = []

    def slow(*_: object) -> str:
        assert release.wait(60)
        return "done at last"

    def post(url: str, content: bytes, _headers: object) -> None:
        later.append((url, json.loads(content)["text"]))
        told.set()

    monkeypatch.setattr(callbacks, "_SOON", 0.01)
    monkeypatch.setattr(callbacks, "post", post)
    monkeypatch.setattr(slash, "carry_out", slow)
    assert ask(line, form("deploy 2.4.0")) == (200, "At work; the answer follows here.")
    assert later == []
    release.set()
    assert told.wait(60)
    assert later == [("https://hooks.slack.com/commands/x", "done at last")]


def test_r34_the_environment_is_named_anywhere() -> None:
    wanted = slash.read_words("Abort -e production it is broken")
    assert (wanted.command, wanted.words, wanted.environment) == ("abort", ("it", "is", "broken"), "production")
    assert slash.read_words("status -s web -e staging") == slash.Wanted(
        command="status", words=(), environment="staging", service="web"
    )
    with pytest.raises(Unclear):
        slash.read_words("status -e")


def test_r33_an_approval_of_a_way_names_its_stage(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    monkeypatch.setattr(control, "_ANSWER_DEADLINE", 0.0)
    stage = EnvironmentStage(name="production", environments=("production",), entry=Entry(approvals=1))
    store, way = project.store, a_way(stage)
    state, first = begin(way)
    stored = ways.create(store, way, state, first, [], here(store.directory), store.clock.now())
    seen = decide(way, stored.state, World().seen(way, stored.state), (), store.clock.now())
    ways.record(store, stored, seen.state, seen.events, (), store.clock.now())

    def says(text: str) -> str:
        return slash.carry_out(project, Typed(user="U1", name="", text=text, reply_to=""))

    assert "2.5.0 waits before production: `/pilotage approve 2.5.0 production`" in says("status")
    for stale in ("approve 2.4.0 production", "approve 2.5.0 staging"):
        assert says(stale).startswith("Not done: ")
    assert ways.pending(store.engine, way.id) == ()
    assert says("approve 2.5.0 production").startswith("approve of production for 2.5.0 is recorded")
    (asked,) = ways.pending(store.engine, way.id)
    assert (asked.kind.value, asked.actor, asked.stage) == ("approve", "slack:U1", "production")
    store.close()


def test_r34_a_request_is_taken_once_by_all_servers_and_through_a_change_of_the_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, at = form("help"), time.time()
    headers = signed(body, at=at)
    one, other = callbacks_of(project), callbacks_of(project)
    assert one is not None
    assert other is not None
    assert isinstance(one.take(headers, body), Immediate)
    assert other.take(headers, body) == (409, "this request was taken already")
    # A store that takes nothing keeps nobody from aborting.
    monkeypatch.setattr(project.store.accounts.links, "first_time", lambda *_: 1 / 0)
    again = form("help", trigger_id="2")
    assert isinstance(other.take(signed(again, at=at), again), Immediate)
    project.store.close()
