"""R34: meetings and the release train of a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.engine.records import meetings
from pilotage.model.meeting import Guest, Meeting, MeetingKind
from tests.web.site import CONFIG, Client, Served, served

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, CONFIG) as found:
        yield found


def person(server: Served, name: str, *roles: str) -> Client:
    server.person(name, *roles)
    return server.signed_in(name)


def planned(server: Served, days: float = 3) -> int:
    now = server.store.clock.now()
    meeting = Meeting(
        uid="retro@pilotage", kind=MeetingKind.RETROSPECTIVE, service="shop", environment="production",
        version="2.4.0", title=HOSTILE, text="", begins=now + days * 86400, planned=now + days * 86400, minutes=60,
        location=HOSTILE, organizer="", guests=(Guest(name=HOSTILE, email="ada@example.org"),),
    )  # fmt: skip
    meetings.keep(server.store.engine, meeting, [], "ada", now)
    return meetings.meetings_of(server.store.engine, "shop")[0].id


def test_r34_a_meeting_is_moved_and_cancelled_by_who_may(there: Served) -> None:
    number = planned(there)
    ann = person(there, "ann", "author@shop")
    text = ann.get("/meetings/shop").text
    assert "1 meeting about shop to come" in text
    assert HOSTILE not in text
    assert ann.submit(f"/meetings/shop/{number}/move", begins="soon").status == 400
    assert ann.submit(f"/meetings/shop/{number}/move", begins="2020-01-01T10:00").status == 400
    assert ann.submit(f"/meetings/shop/{number}/move", begins="2098-01-01T10:00").status == 303
    assert ann.get("/meetings/shop.json").json["meetings"][0]["begins_at"].startswith("2098-01-01T10:00")
    vera = person(there, "vera", "viewer")
    assert "Move or cancel" not in vera.get("/meetings/shop").text
    assert vera.submit(f"/meetings/shop/{number}/cancel").status == 403
    assert ann.submit(f"/meetings/shop/{number}/cancel").status == 303
    assert "No meeting is to come" in ann.get("/meetings/shop").text
    assert ann.get("/meetings/search").status == 403


def test_r34_the_train_shows_its_departures(there: Served) -> None:
    text = person(there, "ada", "viewer").get("/trains/shop").text
    assert "Changes board until" in text
    assert "boarding" in text
