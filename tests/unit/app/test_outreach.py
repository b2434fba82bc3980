"""Customer Success Outreach (4a): each key account gets its own message, and is followed until it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pilotage.engine.execution.sender import send_next
from pilotage.engine.records.store import Store

from ...receivers import Mailbox, mail_server
from ...typed import typed
from .test_publishing import CONFIGURATION

ACCOUNTS = """
acme:
  contacts: [ada@acme.example, ann@acme.example]
  owner: lea@example.org
  greeting: Dear Ada, dear Ann,
  use: Your nightly exports are why we made it.
globex:
  contacts: [bob@globex.example]
initech: {contacts: [gone@initech.example]}
"""

pytestmark = pytest.mark.real


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    done = typed("announce", *arguments, cwd=folder, actor="eve")
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def configure(folder: Path, port: int = 25, **changes: Any) -> None:
    channel = {
        "kind": "email", "host": "localhost", "port": port, "encryption": "none", "sender": "p@example.org",
        "accounts_file": "accounts.yaml", "audiences": ["key accounts"], "allow_private_network": True, **changes,
    }  # fmt: skip
    (folder / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "notify": [channel]}))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    return tmp_path


def accounts(folder: Path) -> dict[str, dict[str, Any]]:
    listed = json.loads(run(folder, "accounts", "2.0.0", "--json"))["accounts"]
    return {one["account"]: one for one in listed}


def test_4a_each_account_gets_its_own_message_and_is_followed_until_it_answers(folder: Path) -> None:
    mailbox = Mailbox()
    mailbox.unknown = {"gone@initech.example"}
    with mail_server(mailbox, None) as port:
        configure(folder, port)
        assert accounts(folder)["acme"]["sent_at"] is None
        (folder / "text.md").write_text("shop 2.0.0 is released.")
        for arguments in (("edit", "text.md"), ("approve",), ("send",)):
            run(folder, arguments[0], "customer_success_outreach", "2.0.0", *arguments[1:])
        store = Store(folder / ".pilotage")
        assert send_next(store.engine, "email", "the sender")
        store.close()
    acme, globex = mailbox.mails
    assert (acme["To"], acme["Reply-To"]) == ("ada@acme.example, ann@acme.example", "lea@example.org")
    text = str(acme.get_body(("plain",)).get_content()).replace("\r", "")  # type: ignore[union-attr]
    assert text == ("Dear Ada, dear Ann,\n\nshop 2.0.0 is released.\n\nYour nightly exports are why we made it.\n")
    assert globex["To"] == "bob@globex.example"
    assert "Ada" not in globex.as_string()
    run(folder, "answered", "globex", "2.0.0", "-m", "They wait for the API")
    found = accounts(folder)
    assert found["acme"]["sent_at"]
    assert found["acme"]["answered_at"] is None
    assert (found["globex"]["answer"], found["globex"]["noted_by"]) == ("They wait for the API", "eve")
    assert (found["initech"]["sent_at"], found["initech"]["refused"]) == (None, True)
    table = run(folder, "accounts", "2.0.0")
    assert "refused" in table
    assert "They wait for the API" in table


def test_a_file_of_accounts_that_is_wrong_says_where(folder: Path) -> None:
    configure(folder)
    (folder / "accounts.yaml").write_text("acme: {contacts: []}\n")
    assert "accounts.yaml: acme.contacts" in run(folder, "accounts", "2.0.0", status=2)
    (folder / "accounts.yaml").write_text("acme: {contacts: [ada@x], contact: ada}\n")
    assert "accounts.yaml: acme.contact" in run(folder, "accounts", "2.0.0", status=2)
    (folder / "accounts.yaml").unlink()
    assert "cannot be read" in run(folder, "accounts", "2.0.0", status=2)


def test_only_an_account_of_the_file_can_have_answered(folder: Path) -> None:
    configure(folder)
    assert "there is no account 'hooli'" in run(folder, "answered", "hooli", "2.0.0", "-m", "x", status=2)
