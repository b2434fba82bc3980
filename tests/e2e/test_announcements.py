"""R21, R22, C19: customers hear of a release what is so. A real shop, worker, mail server and webhook receivers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from pilotage.model.rollout import Status

from ..receivers import SECRET, Mailbox, StandardWebhook, listening, mail_server, section
from .conftest import Make, Shop, users

pytestmark = pytest.mark.real

OWN = "Dear support, please read the guide for the release to come."


def test_nothing_that_speaks_of_success_is_received_of_an_undone_release_and_whoever_was_told_hears_of_it(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three were received after `rolled-back` before, and the notice reached nobody."""
    monkeypatch.setenv("S_WEBHOOK", SECRET)
    it, customers, social, mailbox = shop(), StandardWebhook(), StandardWebhook(), Mailbox()
    with ExitStack() as stack:
        for receiver in (customers, social):
            stack.enter_context(listening(receiver))
        port = stack.enter_context(mail_server(mailbox, None))
        it.configure_whole(notify=[
            hook(customers, "customers", ["customers"], ["status page", "e-mail"]),
            hook(social, "social", ["customers"], ["social media"]),
            mail(port, "support", ["support"]), mail(port, "executives", ["executives"]),
        ])  # fmt: skip
        it.run("deploy", it.release("v1"))
        it.release("v2", "errors")
        (it.directory / "own.md").write_text(OWN)
        it.run("announce", "edit", "support_team_briefing", "v2", "own.md")
        asked(it, "support_team_briefing", "v2")
        asked(it, "status_page_start", "v2", "--on", "start")
        asked(it, "status_page_done", "v2", "--at", "2026-01-01T00:00")
        asked(it, "social_media", "v2", "--on", "completed")
        with users(it):
            it.run("deploy", "v2", "--detach")
            it.wait(lambda r: r.version == "v2" and r.state.reached > 0)
            until(lambda: len(customers.got) == 1)
            it.kill_worker()
            assert it.wait_end().state.status is Status.ROLLED_BACK
            until(lambda: len(customers.got) == 2 and len(mailbox.mails) == 2)
            time.sleep(2.5)  # two looks of the job
            assert told(customers) == ["status_page_start", "rollback_notice"]
            assert "v2 was rolled back" in customers.got[-1]["data"]["text"]
            assert told(social) == []
            assert [str(each["To"]) for each in mailbox.mails] == ["support@example.org"] * 2
            assert "v2 was rolled back" in str(mailbox.mails[-1]["Subject"])
            states = {one["item"]: one["state"] for one in it.json("announce", "list", "v2")["announcements"]}
            assert states["social_media"] == states["status_page_done"] == "withdrawn"

            asked(it, "social_media", "v3", "--on", "completed")
            it.run("deploy", it.release("v3"))
            until(lambda: len(social.got) == 1)
        assert told(social) == ["social_media"]
        sent = {one["item"]: one["sent_to"] for one in it.json("announce", "list", "v3")["announcements"]}
        assert sent["social_media"] == ["social"]


def hook(receiver: StandardWebhook, name: str, audiences: list[str], messages: list[str]) -> dict[str, Any]:
    plain = section("webhook", name=name, url=f"{receiver.url}/in", secret="secret://env/S_WEBHOOK")
    return {**plain, "audiences": audiences, "messages": messages}


def mail(port: int, name: str, audiences: list[str]) -> dict[str, Any]:
    to = [f"{name}@example.org"]
    plain = section("email", name=name, host="localhost", port=port, encryption="none", sender="p@example.org", to=to)
    return {**plain, "audiences": audiences}


def asked(it: Shop, item: str, version: str, *options: str) -> None:
    it.run("announce", "approve", item, version)
    it.run("announce", "send", item, version, *options)


def told(receiver: StandardWebhook) -> list[str]:
    return [key.rpartition("/")[2] for key in receiver.told()]


def until(come: Callable[[], bool]) -> None:
    late = time.monotonic() + 20
    while not come() and time.monotonic() < late:
        time.sleep(0.1)
