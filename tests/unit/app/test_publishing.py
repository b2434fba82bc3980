"""Kinds of message (R22): each announcement is published as what it is, where its readers look for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import feedparser
import pytest
from click.testing import CliRunner, Result

from pilotage.app.project import Project
from pilotage.app.status_page import publish
from pilotage.cli.main import cli
from pilotage.engine.execution.sender import send_next
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store

CONFIGURATION: dict[str, Any] = {
    "service": "shop",
    "answers": {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["customer-facing"],
    },
    "status_page": {"folder": "public/status", "environment": "production", "url": "https://status.example.org/"},
    "environments": {
        "production": {
            "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
            "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
        }
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    return tmp_path


def configure(folder: Path, **changes: Any) -> None:
    (folder / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, **changes}))


def announce(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["announce", *arguments], env={"PILOTAGE_ACTOR": "eve"})
    assert done.exit_code == 0, done.output
    return done.stdout


def publish_item(folder: Path, item: str, text: str) -> list[str]:
    """Send an item with its own words, and everything that the outbox has; the channels that it went through."""
    (folder / "text.md").write_text(text)
    announce("edit", item, "2.0.0", "text.md")
    announce("approve", item, "2.0.0")
    announce("send", item, "2.0.0")
    store = Store(folder / ".pilotage")
    try:
        channels = outbox.due(store.engine, time.time() + 1)
        for channel in channels:
            assert send_next(store.engine, channel, "the sender")
        return list(channels)
    finally:
        store.close()


def test_4a_the_status_pages_message_is_an_entry_of_page_json_and_feed(folder: Path) -> None:
    configure(folder)
    hostile = "We are releasing 2.0.0 <script>alert(1)</script>.\n\nNo interruption."
    assert publish_item(folder, "status_page_start", hostile) == ["status-page"]
    project = Project(folder / "pilotage.yaml")
    made = publish(project)
    project.store.close()
    (entry,) = json.loads((made / "status.json").read_text())["announcements"]
    assert entry["text"] == hostile
    feed = feedparser.parse((made / "feed.xml").read_bytes())
    assert not feed.bozo
    assert [(one.title, one.summary) for one in feed.entries] == [(entry["title"], hostile)]
    assert feed.entries[0].link == f"https://status.example.org/#{entry['id']}"
    page = (made / "index.html").read_text()
    assert f'id="{entry["id"]}"' in page
    assert "<script>alert" not in page


def test_4a_each_kind_has_its_own_place(folder: Path) -> None:
    configure(folder, notify=[
        {"kind": "documentation", "folder": "site"},
        {"kind": "in-app", "folder": "public/in-app"},
    ])  # fmt: skip
    assert publish_item(folder, "documentation_updates", "What is coming.") == ["documentation"]
    assert publish_item(folder, "in_app_notification", "New: coupons.") == ["in-app"]
    assert (
        (folder / "site/shop/2.0.0.md")
        .read_text()
        .endswith("What is coming.\n\n<!-- announcement/shop/production/2.0.0/documentation_updates -->\n")
    )
    feed = json.loads((folder / "public/in-app/shop/2.0.0.json").read_text())
    assert [one["content_text"] for one in feed["items"]] == ["New: coupons."]
    assert not (folder / "public/status").exists()


def test_a_test_message_goes_where_operators_read_and_elsewhere_only_by_name(folder: Path) -> None:
    """A post in public, or a page of the documentation, is no place for a test that nobody asked for."""
    configure(folder, notify=[{"kind": "documentation", "folder": "site"}])

    def test(*named: str) -> Result:
        return CliRunner().invoke(cli, ["notify", "test", *named], env={"PILOTAGE_ACTOR": "eve"})

    done = test()
    assert (done.exit_code, done.stdout) == (0, "")
    assert "not tested, because others read them: documentation" in done.stderr
    assert not (folder / "site").exists()
    assert "✓ documentation" in test("documentation").stdout
    assert (folder / "site/shop/none.md").exists()
