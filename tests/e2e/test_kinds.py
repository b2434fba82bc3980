"""Kinds of message (R22), each read where its readers are: a browser that polls the in-app feed, a mail program."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import open_channel
from pilotage.adapters.static_server import serve
from pilotage.engine.execution.sender import send_next
from pilotage.engine.records.store import Store
from pilotage.model.message import Message, Severity

from ..contract.test_notifiers import section
from ..programs import needs
from ..receiving.dovecot import mail_host
from ..typed import typed
from ..unit.app.test_briefings import CONFIGURATION

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("browser")]

APPLICATION = """<!doctype html><title>shop 2.4.0</title><ul id=news></ul><script>
const seen = new Set();
async function poll() {
  const answer = await fetch('FEED/shop/2.4.0.json', {cache: 'no-store'});
  if (answer.ok) for (const item of (await answer.json()).items.reverse()) {
    if (seen.has(item.id)) continue;
    seen.add(item.id);
    const shown = document.createElement('li');
    shown.textContent = item.content_text;
    news.append(shown);
  }
  setTimeout(poll, 50);
}
poll();
</script>"""


def message(item: str, text: str, version: str = "2.4.0") -> Message:
    key = f"announcement/shop/production/{version}/{item}"
    return Message(
        key, key, "announcement", Severity.INFO, "New", text, 1_790_000_000.0, "shop", "production", version,
        audience="customers", kind="in-app",
    )  # fmt: skip


def test_4a_users_read_of_a_version_in_the_application_that_has_it(tmp_path: Path) -> None:
    """The page is the application's own, of another address than the feed."""
    channel = open_channel({**section(kind="in-app", folder="feeds"), "folder": str(tmp_path)})
    with sync_playwright() as playwright, serve(tmp_path, "127.0.0.1", 0, anyone=True) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        browser = playwright.chromium.launch(executable_path=needs("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(APPLICATION.replace("FEED", f"http://127.0.0.1:{server.server_address[1]}"))
        channel.send(Delivery(message=message("in_app_notification", "Of another version.", "2.5.0")))
        channel.send(Delivery(message=message("in_app_notification", "New: <b>coupons</b>.")))
        page.wait_for_selector("li >> text=New: <b>coupons</b>.")
        for again in (False, True):
            channel.send(Delivery(message=message("rollback_notice", "2.4.0 was rolled back."), again=again))
        page.wait_for_selector("li >> text=rolled back")
        assert page.locator("li").all_inner_texts() == ["New: <b>coupons</b>.", "2.4.0 was rolled back."]
        browser.close()
        server.shutdown()


def test_4b_a_briefing_arrives_as_a_mail_with_its_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command to the mail program: a mail for each of a list, the document attached, a way out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    (tmp_path / "board.txt").write_text("ada@example.org\nbob@example.org\n")
    (tmp_path / "text.md").write_text("Release: minor 2.0.0.\n\nFeatures:\n- Coupons\n- Zahlung per Überweisung")
    with mail_host() as host:
        channel = {
            "kind": "email", "host": "localhost", "port": host.smtp, "encryption": "none", "sender": "p@example.org",
            "to_file": "board.txt", "audiences": ["executives"], "allow_private_network": True,
            "unsubscribe": "mailto:leave@example.org",
        }  # fmt: skip
        (tmp_path / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "notify": [channel]}))
        for command in (("edit", "text.md"), ("approve",), ("send",)):
            typed("announce", command[0], "executive_briefing", "2.0.0", *command[1:], cwd=tmp_path)
        store = Store(tmp_path / ".pilotage")
        assert send_next(store.engine, "email", "the sender")
        store.close()
        mails = host.mails()
    assert [mail["To"] for mail in mails] == ["ada@example.org", "bob@example.org"]
    assert {mail["List-Unsubscribe"] for mail in mails} == {"<mailto:leave@example.org>"}
    (document,) = mails[0].iter_attachments()
    assert document.get_filename() == "shop-2.0.0-executive-briefing.html"
    assert "<h2>Features</h2>" in document.get_content()
    assert "Überweisung" in document.get_content()
