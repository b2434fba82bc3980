"""Every channel before a faithful receiver: delivered once, literally, to the right place; and told when it is not."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.notify import open_channel
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError, Delivery
from pilotage.config.channels import ChannelSection
from pilotage.model.json import JsonObject
from pilotage.model.message import Incident, Message, Severity
from pilotage.testing import NotifierUnderTest
from pilotage.testing.contracts.notifier import NotifierContract

from ..receivers import (
    ROUTING_KEY,
    SECRET,
    TOKEN,
    CDEventsBroker,
    Mailbox,
    Ntfy,
    PagerDutyApi,
    Receiver,
    SlackApi,
    StandardWebhook,
    TeamsWorkflow,
    certified,
    listening,
    mail_server,
)

pytestmark = pytest.mark.real

MESSAGE = Message(
    "shop-production-1a2b/7", "shop-production-1a2b", "rollback-started", Severity.CRITICAL,
    "shop 2.4.0 → production: rollback started", "rolling back: error rate: canary 4.8 % (12 of 250)",
    float(int(time.time())),
    "shop", "production", "2.4.0", (("users", "5 %"), ("plan", "abc")), Incident.TRIGGER, old="2.3.0",
)  # fmt: skip


@dataclass
class Place:
    """A channel and the receiver behind it."""

    kind: str
    section: dict[str, Any]
    receiver: Receiver

    def send(self, message: Message = MESSAGE, first: JsonObject | None = None, again: bool = False) -> JsonObject:
        return open_channel(self.section).send(Delivery(message=message, first=first, again=again))


def section(**given: Any) -> dict[str, Any]:
    """As it is kept with a rollout."""
    from pydantic import TypeAdapter

    made: Any = TypeAdapter(ChannelSection).validate_python({"allow_private_network": True, **given})
    plain: dict[str, Any] = made.model_dump(mode="json")
    return plain


KINDS = (
    "slack-webhook", "slack-bot", "email", "email-tls", "pagerduty", "teams", "webhook", "webhook-tls", "cdevents",
    "apprise",
)  # fmt: skip


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as stack:
        yield made(request.param, stack, tmp_path, monkeypatch)


def made(kind: str, stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("TEST_SECRET", "unset")

    def opened(receiver: Receiver, tls: ssl.SSLContext | None = None) -> str:
        return stack.enter_context(listening(receiver, tls))

    match kind:
        case "slack-webhook":
            slack = SlackApi()
            monkeypatch.setenv("TEST_SECRET", f"{opened(slack)}/hook/T0/B0/s3cr3t")
            return Place(kind, section(kind="slack", webhook_url="secret://env/TEST_SECRET"), slack)
        case "slack-bot":
            slack = SlackApi()
            monkeypatch.setenv("TEST_SECRET", TOKEN)
            bot = section(
                kind="slack", token="secret://env/TEST_SECRET", channel="#releases", api_url=f"{opened(slack)}/api",
                signing_secret="secret://env/TEST_SECRET",
            )  # fmt: skip
            return Place(kind, bot, slack)
        case "email" | "email-tls":
            mailbox = Mailbox()
            tls = stack.enter_context(certified(tmp_path, monkeypatch.setenv)) if kind == "email-tls" else None
            port = stack.enter_context(mail_server(mailbox, tls))
            security = "starttls" if tls else "none"
            mail = section(
                kind="email", host="localhost", port=port, encryption=security, sender="pilotage@example.org",
                to=["ops@example.org", "boss@example.org"],
            )  # fmt: skip
            return Place(kind, mail, mailbox)
        case "pagerduty":
            pager = PagerDutyApi()
            monkeypatch.setenv("TEST_SECRET", ROUTING_KEY)
            key = "secret://env/TEST_SECRET"
            return Place(kind, section(kind="pagerduty", routing_key=key, url=f"{opened(pager)}/v2/enqueue"), pager)
        case "teams":
            teams = TeamsWorkflow()
            (tmp_path / "hook").write_text(f"{opened(teams)}/workflows/s3cr3t?sig=s3cr3t\n")
            return Place(kind, section(kind="teams", webhook_url=f"secret://file/{tmp_path}/hook"), teams)
        case "webhook" | "webhook-tls":
            hook = StandardWebhook()
            monkeypatch.setenv("TEST_SECRET", SECRET)
            tls = stack.enter_context(certified(tmp_path, monkeypatch.setenv)) if kind == "webhook-tls" else None
            url = opened(hook, tls)
            return Place(kind, section(kind="webhook", url=f"{url}/in", secret="secret://env/TEST_SECRET"), hook)
        case "cdevents":
            given = os.environ.get("PILOTAGE_CDEVENTS_SCHEMAS")
            broker = CDEventsBroker(Path(given) if given else None)
            return Place(kind, section(kind="cdevents", url=opened(broker)), broker)
        case _:
            ntfy = Ntfy()
            monkeypatch.setenv("TEST_SECRET", f"ntfy://{opened(ntfy).removeprefix('http://')}/releases")
            return Place(kind, section(kind="apprise", url="secret://env/TEST_SECRET"), ntfy)


class TestChannels(NotifierContract):
    """What holds for every channel; below is what only some promise."""

    @pytest.fixture
    def channel(self, place: Place) -> NotifierUnderTest:
        return NotifierUnderTest(
            notifier=open_channel(place.section),
            received=place.receiver.told,
            shown=lambda: place.receiver.shown().replace("\\\\", ""),
            drops_repetitions=place.kind not in ("slack-webhook", "teams", "apprise"),
            # Apprise does not tell why it could not deliver.
            refuse=None if place.kind == "apprise" else place.receiver.refuse_next,
        )


def test_a_message_is_addressed_and_secured(place: Place) -> None:
    place.send()
    assert place.receiver.told() == [MESSAGE.key]
    if isinstance(place.receiver, Mailbox):
        (mail,) = place.receiver.mails
        assert mail["To"] == "ops@example.org, boss@example.org"
        assert place.receiver.secured == [place.kind == "email-tls"]


HOSTILE = (
    "<script>alert(1)</script> <!channel> <http://evil|click> *bold* `code` {{ ''.__class__ }} [a](http://evil) & "
    "\x1b[31mred\x1b[0m \u202eevil\u202c =cmd()|' /C calc'!A0\r\nBcc: victim@example.org\r\n\r\nbody \x00 end"
)


def test_hostile_text_is_literal_or_escaped(place: Place) -> None:
    place.send(replace(MESSAGE, title=HOSTILE, text=HOSTILE, facts=((HOSTILE, HOSTILE),), version=HOSTILE))
    assert place.receiver.told() == [MESSAGE.key]
    shown = place.receiver.shown()
    for never in ("\x1b", "\\u001b", "\u202e", "\x00", "\\u0000"):
        assert never not in shown
    if place.kind.startswith("slack"):
        assert "<!channel>" not in _mrkdwn(place)
        assert "&lt;!channel&gt;" in _mrkdwn(place)
    elif isinstance(place.receiver, Mailbox):
        (mail,) = place.receiver.mails
        assert mail["Bcc"] is None
        assert "\n" not in mail["Subject"]
        assert "<script>" not in str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
        assert "<script>" in str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    elif place.kind == "teams":
        blocks = place.receiver.got[0]["attachments"][0]["content"]["body"]
        assert {block["type"] for block in blocks} == {"RichTextBlock"}, "runs of text, in which no Markdown counts"
        assert "*bold* `code`" in blocks[1]["inlines"][0]["text"]
    else:
        assert "<script>alert(1)</script>" in shown


def _mrkdwn(place: Place) -> str:
    return json.dumps([b for b in place.receiver.got[0]["blocks"] if b["type"] == "section"], ensure_ascii=False)


def test_five_megabytes_are_cut_and_said_to_be(place: Place) -> None:
    place.send(replace(MESSAGE, text="a long story " * 400_000))
    assert place.receiver.told() == [MESSAGE.key]
    if place.kind not in ("webhook", "webhook-tls", "cdevents"):
        assert len(place.receiver.shown()) < 500_000


def test_a_busy_receiver_is_asked_again_later(place: Place) -> None:
    place.receiver.busy = 1
    with pytest.raises(Undelivered) as told:
        place.send()
    assert not told.value.permanent
    if place.kind not in ("email", "email-tls", "apprise"):
        assert told.value.retry_after == 7
    place.send(again=True)
    assert place.receiver.told() == [MESSAGE.key]


def test_what_is_refused_for_good_is_not_tried_again(place: Place) -> None:
    if place.kind == "apprise":
        pytest.skip("Apprise does not tell why it could not deliver")
    place.receiver.refuse = 404
    with pytest.raises(Undelivered) as told:
        place.send()
    assert told.value.permanent
    assert "s3cr3t" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_receiver_that_is_ill_is_tried_again(place: Place) -> None:
    place.receiver.refuse = 503
    if isinstance(place.receiver, Mailbox):
        place.receiver.refuse, place.receiver.busy = 0, 1
    with pytest.raises(Undelivered) as told:
        place.send()
    assert not told.value.permanent


def test_private_addresses_are_refused_unless_allowed(place: Place) -> None:
    if place.kind == "email":
        pytest.skip("mail without encryption is for private networks only")
    place.section["allow_private_network"] = False
    with pytest.raises(Undelivered, match="is not public: allow_private_network: true allows it"):
        place.send()
    assert place.receiver.told() == []


def test_a_secret_that_is_not_there_is_named_by_its_reference(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = [value for value in place.section.values() if str(value).startswith("secret://")]
    if not secret:
        pytest.skip("nothing secret in it")
    monkeypatch.delenv("TEST_SECRET")
    (tmp_path / "hook").unlink(missing_ok=True)
    with pytest.raises(
        AdapterError, match=r"the environment variable TEST_SECRET holds nothing|secret file .* cannot be read"
    ):
        place.send()


# ── what only some can ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Place]]:
    with ExitStack() as stack:
        yield lambda kind: made(kind, stack, tmp_path, monkeypatch)


def at(number: int, type_: str, severity: Severity, **more: Any) -> Message:
    key = f"{MESSAGE.thread}/{number}"
    return replace(MESSAGE, key=key, type=type_, severity=severity, incident=Incident.NONE, **more)


def test_slack_keeps_one_message_up_to_date_and_answers_below_it(only: Callable[[str], Place]) -> None:
    place = only("slack-bot")
    assert isinstance(place.receiver, SlackApi)
    first = place.send(at(1, "rollout-started", Severity.INFO))
    for number in (2, 3):
        assert place.send(at(number, "step-started", Severity.PROGRESS), first) == {}
    gate = at(4, "hold-started", Severity.WARNING, asks=("approve", "reject"), about=4)
    place.send(gate, first)
    root, reply = place.receiver.got
    assert root["updated"] == [f"{MESSAGE.thread}/2", f"{MESSAGE.thread}/3"]
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (root["ts"], True)
    buttons = next(block for block in reply["blocks"] if block["type"] == "actions")["elements"]
    assert [json.loads(b["value"])["ask"] for b in buttons] == ["approve", "reject"]
    place.send(gate, first, again=True)
    assert len(place.receiver.got) == 2


def test_pagerduty_opens_one_incident_and_resolves_it(only: Callable[[str], Place]) -> None:
    place = only("pagerduty")
    assert isinstance(place.receiver, PagerDutyApi)
    for incident in (Incident.TRIGGER, Incident.TRIGGER, Incident.ACKNOWLEDGE, Incident.RESOLVE, Incident.RESOLVE):
        place.send(replace(MESSAGE, incident=incident))
    assert [one["event_action"] for one in place.receiver.got] == ["trigger", "acknowledge", "resolve"]
    assert place.receiver.incidents == {f"pilotage/{MESSAGE.thread}": "resolved"}


def test_mails_of_a_rollout_are_one_conversation(only: Callable[[str], Place]) -> None:
    place = only("email")
    first = place.send(at(1, "rollout-started", Severity.INFO))
    place.send(at(2, "completed", Severity.INFO), first)
    assert isinstance(place.receiver, Mailbox)
    start, end = place.receiver.mails
    assert end["In-Reply-To"] == start["Message-ID"] == first["id"]


@pytest.mark.parametrize(
    ("type_", "old", "incident", "types"),
    [
        ("completed", "2.3.0", Incident.NONE, ["service.upgraded"]),
        ("completed", "", Incident.NONE, ["service.deployed"]),
        ("rolled-back", "2.3.0", Incident.RESOLVE, ["service.rolledback", "incident.resolved"]),
        ("rollback-started", "2.3.0", Incident.TRIGGER, ["incident.detected"]),
        ("step-started", "2.3.0", Incident.NONE, []),
    ],
)
def test_cdevents_speaks_of_what_it_has_words_for(
    only: Callable[[str], Place], type_: str, old: str, incident: Incident, types: list[str]
) -> None:
    place = only("cdevents")
    place.send(replace(MESSAGE, type=type_, old=old, incident=incident))
    assert [one["context"]["type"] for one in place.receiver.got] == [f"dev.cdevents.{t}.0.3.0" for t in types]


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://[::1]:80/", "http://2130706433/", "http://10.0.0.8/", "http://0.0.0.0/",
     "http://localhost/"],
)  # fmt: skip
def test_case_27_no_request_leaves_for_an_address_that_is_not_public(url: str) -> None:
    from pilotage.adapters.outgoing import post

    with pytest.raises(Undelivered) as told:
        post(url, b"{}", {})
    assert told.value.permanent
    assert "not public" in str(told.value)


def test_a_redirect_is_not_followed(only: Callable[[str], Place]) -> None:
    place = only("webhook")
    place.receiver.refuse = 302
    with pytest.raises(Undelivered, match="answered 302") as told:
        place.send()
    assert told.value.permanent


def test_a_certificate_of_somebody_else_is_refused(
    only: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = only("webhook-tls")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Undelivered, match="does not answer: SSLError"):
        place.send()
    assert place.receiver.got == []


def test_a_secret_shows_itself_to_nobody() -> None:
    from pilotage.adapters.secrets import Secret

    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {secret!s} {[secret]}"
    assert secret.reveal() == "hunter2"
