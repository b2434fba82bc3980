"""What follows a rollback by itself (R21): document, evidence, follow-ups, review, and a watch of what serves."""

from __future__ import annotations

import json
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from pilotage.model.rollout import Status

from ..receivers import Mailbox, mail_server
from ..typed import typed
from .conftest import Make, Shop, users

pytestmark = pytest.mark.real
PEOPLE = {
    "ada": {"roles": ["engineering lead"], "email": "ada@example.org"},
    "bob": {"roles": ["QA lead"], "email": "bob@example.org"},
}


@pytest.mark.long
def test_r21_within_a_minute_of_each_rollback_its_document_evidence_tasks_and_review_are_there_once(
    shop: Make, tmp_path: Path
) -> None:
    it = shop()
    mailbox = Mailbox()
    with mail_server(mailbox, None) as port:
        mail = {"kind": "email", "host": "localhost", "port": port, "encryption": "none", "to": ["ops@example.org"],
                "sender": "releases@example.org", "allow_private_network": True}  # fmt: skip
        whole = json.loads((it.directory / "pilotage.yaml").read_text())
        whole |= {"notify": [mail], "people": PEOPLE, "incidents": {"folder": "incidents", "watch": "3s"}}
        (it.directory / "pilotage.yaml").write_text(json.dumps(whole))
        it.run("deploy", it.release("v1"))
        with users(it):
            for version in ("v2", "v3"):
                it.release(version, "errors")
                it.run("deploy", version, "--detach")
                assert it.wait_end().state.status is Status.ROLLED_BACK
                _until(lambda version=version: _sent(mailbox, version), 60)
                it.kill_worker()
                it.run("status")
            _until(lambda: _stable(it), 30)
        _check_mails(mailbox)
    folder = it.directory / "incidents"
    assert sorted(path.suffix for path in folder.iterdir()) == [".md", ".md", ".zip", ".zip"]
    _check_follow_ups(it)
    _check_bundle(it, max(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime), tmp_path)


def _check_mails(mailbox: Mailbox) -> None:
    told = [mail for mail in mailbox.mails if str(mail["X-Pilotage-Key"]).startswith("aftermath/")]
    assert len(told) == 2
    (page,) = told[0].iter_attachments()
    assert "Timeline" in page.get_content()
    text = told[0].get_body(("plain",))
    assert text is not None
    assert {"document", "evidence", "follow-ups", "review"} <= {
        line.partition(":")[0] for line in text.get_content().splitlines()
    }
    reviews = [mail for mail in mailbox.mails if "review of the rollback" in mail["Subject"]]
    assert [mail["To"] for mail in reviews] == ["ada@example.org, bob@example.org"] * 2


def _check_follow_ups(it: Shop) -> None:
    found: list[dict[str, Any]] = it.json("followup", "list", "--all")["followups"]
    assert len(found) == 14
    assert {one["owner"] for one in found} == {"ada", "bob", "DevOps engineer"}
    (stable,) = [one for one in found if "is stable" in one["description"] and one["release"] == "v3"]
    assert stable["done"], "the watch found nothing, so nobody has to look"
    assert "v1 was stable for" in stable["outcome"]


def _check_bundle(it: Shop, bundle: Path, elsewhere: Path) -> None:
    key = elsewhere / "public.pem"
    key.write_text(it.run("key"))
    place = elsewhere / "offline"
    place.mkdir()
    done = typed("audit", "verify", str(bundle), "--key", str(key), cwd=place, actor="eve")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "events in one chain, plan as executed" in done.stdout
    changed = place / "changed.zip"
    changed.write_bytes(bundle.read_bytes()[:-200] + b"x" * 200)
    assert typed("audit", "verify", str(changed), "--key", str(key), cwd=place, actor="eve").returncode in (1, 2)


def _stable(it: Shop) -> bool:
    return "stability-confirmed" in it.run("events", it.latest().id, "--json")


def _sent(mailbox: Mailbox, version: str) -> bool:
    return any(_about(mail, version) for mail in mailbox.mails)


def _about(mail: EmailMessage, version: str) -> bool:
    return str(mail["Subject"]).endswith(f"shop {version} → production: incident document")


def _until(wanted: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < until
        time.sleep(0.2)
