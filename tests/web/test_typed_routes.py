"""R34: typed routes of what people do around a release, such as announcements, phases and evidence; the shell's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.model.shell import Ended, Message, Said, ShellRequest
from pilotage.model.status import Status
from pilotage.web.api import shell
from tests.web.records import ended
from tests.web.site import CONFIG, Client, Got, Served, served

pytestmark = pytest.mark.usefixtures("no_worker")

PLACE = "/api/v1/services/shop/environments/production"
DAY = (datetime.now(UTC).date() + timedelta(days=60)).isoformat()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, CONFIG) as found:
        yield found


@pytest.fixture
def ada(server: Served) -> Client:
    server.person("ada", "admin")
    return server.signed_in("ada")


def test_r34_an_announcement_is_edited_and_approved_by_who_has_read_it(ada: Client) -> None:
    listed = ada.get(f"{PLACE}/announcements?version=2.5.0").json["announcements"]
    where = f"{PLACE}/announcements/{listed[0]['item']}"
    read = ada.get(f"{where}?version=2.5.0")
    body = {"version": "2.5.0", "seen": read.json["seen"]}
    stale = ada.post(f"{where}/approve", {**body, "seen": "other"})
    assert (stale.status, stale.json["code"]) == (409, "text-moved")
    edited = ada.post(f"{where}/edit", {**body, "text": "We open at nine."}, **{"If-Match": read.headers["etag"]})
    assert (edited.status, edited.json["text"]) == (200, "We open at nine."), edited.text
    late = ada.post(f"{where}/approve", body, **{"If-Match": read.headers["etag"]})
    assert (late.status, late.json["present"]["text"]) == (412, "We open at nine.")
    again = ada.get(f"{where}?version=2.5.0").json
    approved = ada.post(f"{where}/approve", {**body, "seen": again["seen"]})
    assert (approved.status, approved.json["state"]) == (200, "approved"), approved.text
    assert ada.get(f"{PLACE}/announcements/none?version=2.5.0").status == 404


def test_r34_phases_are_tracked_assigned_and_dropped(ada: Client) -> None:
    where = f"{PLACE}/phases"
    made = ada.post(where, {"version": "2.5.0", "day": DAY})
    assert made.status == 201, made.text
    (release,) = made.json["releases"]
    item = next(one["item"] for one in release["items"] if one["state"] == "open")
    given = ada.post(f"{where}/2.5.0/assign", {"items": [item], "person": "ada"}).json["releases"][0]
    assert [one["assignee"] for one in given["items"] if one["item"] == item] == ["ada"]
    assert ada.get(f"{where}/2.5.0/tasks.ics").text.startswith("BEGIN:VCALENDAR")
    assert ada.post(f"{where}/2.5.0/drop", {"reason": "postponed"}).status == 200
    assert ada.get(f"{where}/9.9.9").status == 404


def test_r34_evidence_of_an_incident_is_an_archive_that_can_be_read(server: Served, ada: Client) -> None:
    undone = ended(server.store, "shop", "production", "2.4.0", status=Status.ROLLED_BACK, reason="errors")
    got = ada.get(f"/api/v1/rollouts/{undone.id}/evidence")
    assert (got.status, got.headers["content-type"]) == (200, "application/zip")
    assert "incident.json" in zipfile.ZipFile(io.BytesIO(got.body)).namelist()
    good = ended(server.store, "shop", "production", "2.5.0")
    assert ada.get(f"/api/v1/rollouts/{good.id}/evidence").status == 400


def test_r34_followups_come_in_pages(ada: Client) -> None:
    where = "/api/v1/services/shop/followups"
    for number in range(5):
        body = {"description": f"alert {number}", "owner": "ada", "due": DAY, "criterion": "it rang"}
        assert ada.post(where, body).status == 201
    first = ada.get(f"{where}?limit=2")
    second = ada.get(first.headers["link"].split(";")[0].strip("<>"))
    third = ada.get(f"{where}?limit=2&after={second.json['next']}")
    seen = [one["description"] for got in (first, second, third) for one in got.json["followups"]]
    assert seen == [f"alert {number}" for number in range(5)]
    assert (third.json["next"], "link" in third.headers) == ("", False)
    assert ada.get(f"{where}?after=AAAA").status == 400


# ── command lines ──────────────────────────────────────────────────────────────────────────────────────────


def _shell(client: Client, key: str, words: list[str]) -> Got:
    return client.post("/api/v1/shell", {"words": words}, **{"Idempotency-Key": key})


def test_c6_35_a_command_line_is_carried_out_once_and_its_output_is_not_kept(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[tuple[str, ...]] = []

    async def said(_place: object, _who: object, request: ShellRequest) -> AsyncIterator[Message]:
        began.append(request.words)
        yield Said(stream="out", text="pilotage_pat_secret")
        yield Ended(status=3)

    monkeypatch.setattr(shell, "carry_out", said)
    first = [json.loads(line) for line in _shell(ada, "k1", ["token", "create"]).body.splitlines()]
    assert [one["kind"] for one in first] == ["said", "ended"]
    again = _shell(ada, "k1", ["token", "create"])
    assert (json.loads(again.body), again.headers["idempotency-replayed"]) == ({"kind": "ended", "status": 3}, "true")
    assert _shell(ada, "k1", ["deploy", "2.5.0"]).json["code"] == "key-reused"
    assert began == [("token", "create")]
    with server.store.engine.connect() as connection:
        assert "secret" not in str(connection.exec_driver_sql("SELECT * FROM answers_once").all())


def test_c6_35_a_command_line_whose_end_nobody_saw_is_not_begun_again(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_off(*_: object) -> AsyncIterator[Message]:
        yield Said(stream="out", text="half")

    monkeypatch.setattr(shell, "carry_out", cut_off)
    assert _shell(ada, "k1", ["deploy", "2.5.0"]).status == 200
    for _ in range(200):
        got = _shell(ada, "k1", ["deploy", "2.5.0"])
        if got.json["code"] != "request-running":
            break
    assert (got.status, got.json["code"]) == (409, "answer-lost")


def test_c6_35_a_client_asks_again_under_the_same_key_when_its_connection_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pilotage.adapters.server_client import ConnectionLost, Refused, ServerClient
    from pilotage.app.remote import sending

    keys, heard = list[str](), list[str]()

    def lines(_client: object, _path: str, _content: object, key: str) -> Iterator[bytes]:
        keys.append(key)
        match len(keys):
            case 1:
                yield b'{"kind": "said", "stream": "out", "text": "begun"}'
                raise ConnectionLost("the server died")
            case 2:
                raise Refused("still at work", 409, 7, "request-running")
            case _:
                yield b'{"kind": "ended", "status": 4}'

    monkeypatch.setattr(ServerClient, "lines", lines)
    monkeypatch.setattr(sending, "_PAUSE", 0.0)
    request = sending.request_of(["deploy", "2.5.0"], (), (), "", 0)
    assert sending.send("http://127.0.0.1:1", request, lambda _, text: heard.append(text)) == 4
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert heard == ["begun", "pilotage: the connection was lost, and the command has ended\n"]
