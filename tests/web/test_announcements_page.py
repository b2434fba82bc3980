"""R34: announcements are edited, approved, scheduled and skipped by who may, and only as they were seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.app.project import Project
from tests.web.site import CONFIG, Client, Served, served

HOSTILE = '<script>alert("x")</script>{{ 7 * 7 }}'
THERE = "/services/shop/production/announcements"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    with served(tmp_path, CONFIG) as found:
        yield found


def person(server: Served, name: str, *roles: str) -> Client:
    server.person(name, *roles)
    return server.signed_in(name)


def first_of(who: Client) -> str:
    return str(who.get(f"{THERE}.json?version=2.4.0").json["announcements"][0]["item"])


def seen(text: str) -> str:
    return text.partition('name="seen" value="')[2].partition('"')[0]


def test_r34_announcements_are_listed_and_a_viewer_changes_nothing(there: Served) -> None:
    vera = person(there, "vera", "viewer")
    item = first_of(vera)
    assert "which version" in vera.get(THERE).text
    assert "draft" in vera.get(f"{THERE}?version=2.4.0").text
    text = vera.get(f"{THERE}/{item}?version=2.4.0").text
    assert "<form" not in text.partition("<main")[2]
    assert "Your roles allow no change" in text
    assert vera.submit(f"{THERE}/{item}/approve", version="2.4.0").status == 403
    assert vera.get(f"{THERE}/none?version=2.4.0").status == 404
    assert vera.get(f"{THERE}?version=%3Cscript%3E").status == 400


def test_r34_a_text_is_edited_then_approved_by_another_page_only_as_it_was_seen(there: Served) -> None:
    bob = person(there, "bob", "approver")
    item = first_of(bob)
    where = f"{THERE}/{item}?version=2.4.0"
    before = seen(bob.get(where).text)
    assert bob.submit(f"{THERE}/{item}/edit", version="2.4.0", seen=before, text=HOSTILE).status == 303
    text = bob.get(where).text
    assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in text
    assert "Written by a person" in text
    stale = bob.submit(f"{THERE}/{item}/approve", version="2.4.0", seen=before)
    assert (stale.status, "Nothing was done" in stale.text) == (412, True)
    assert bob.submit(f"{THERE}/{item}/approve", version="2.4.0", seen=seen(text)).status == 303
    assert "approved" in bob.get(f"{THERE}?version=2.4.0").text


def test_r34_what_cannot_be_kept_is_said_and_the_written_text_stays(there: Served) -> None:
    ann = person(there, "ann", "author")
    item = first_of(ann)
    now = seen(ann.get(f"{THERE}/{item}?version=2.4.0").text)
    got = ann.submit(f"{THERE}/{item}/edit", version="2.4.0", seen=now, text=" ")
    assert (got.status, "between one and" in got.text) == (400, True)
    assert ann.submit(f"{THERE}/{item}/skip", version="2.4.0", seen=now, reason="").status == 400
    assert ann.submit(f"{THERE}/{item}/send", version="2.4.0", seen=now).status in (400, 409)
    assert ann.submit(f"{THERE}/{item}/approve", version="2.4.0", seen=now).status == 403
    assert ann.submit(f"{THERE}/{item}/skip", version="2.4.0", seen=now, reason=HOSTILE).status == 303
    assert "<script>alert" not in ann.get(f"{THERE}?version=2.4.0").text
