"""Every channel before a faithful receiver: delivered once, literally, to the right place; and told when it is not."""

from __future__ import annotations

import hashlib
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
from pydantic import ValidationError

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import open_channel
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError
from pilotage.config.channels import ChannelSection
from pilotage.model.json import JsonObject
from pilotage.model.medium import Attachment
from pilotage.model.message import Incident, Message, Severity
from pilotage.testing import NotifierUnderTest
from pilotage.testing.contracts.notifier import NotifierContract

from ..grafana import TOKEN as GRAFANA_TOKEN
from ..grafana import Grafana
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
from ..receiving.mastodon import ACCESS, MastodonApi
from ..receiving.pages import BEARER, Folder, Pages, Repository

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
    "apprise", "mastodon", "documentation-http", "documentation-folder", "documentation-git", "in-app",
    "grafana",
)  # fmt: skip
LOCAL = ("documentation-folder", "documentation-git", "in-app")
"""Channels that write files of this machine: no network, and no secret."""


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
        case "grafana":
            grafana = Grafana()
            monkeypatch.setenv("TEST_SECRET", GRAFANA_TOKEN)
            return Place(kind, section(kind="grafana", url=opened(grafana), token="secret://env/TEST_SECRET"), grafana)
        case "cdevents":
            given = os.environ.get("PILOTAGE_CDEVENTS_SCHEMAS")
            broker = CDEventsBroker(Path(given) if given else None)
            return Place(kind, section(kind="cdevents", url=opened(broker)), broker)
        case "mastodon":
            mastodon = MastodonApi()
            mastodon.names = {hashlib.sha256(MESSAGE.key.encode()).hexdigest(): MESSAGE.key}
            monkeypatch.setenv("TEST_SECRET", ACCESS)
            token = "secret://env/TEST_SECRET"
            return Place(kind, section(kind="mastodon", url=opened(mastodon), token=token, language="en"), mastodon)
        case "documentation-http":
            pages = Pages()
            monkeypatch.setenv("TEST_SECRET", BEARER)
            token = "secret://env/TEST_SECRET"
            return Place(kind, section(kind="documentation", url=f"{opened(pages)}/docs", token=token), pages)
        case "documentation-git":
            repository = Repository(tmp_path / "docs.git")
            return Place(kind, section(kind="documentation", repository=str(repository.folder)), repository)
        case "documentation-folder" | "in-app":
            place = section(kind=kind.partition("-folder")[0], folder="public")
            return Place(kind, {**place, "folder": str(tmp_path / "public")}, Folder(tmp_path / "public"))
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
            refuse=None if place.kind in ("apprise", *LOCAL) else place.receiver.refuse_next,
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
    elif place.kind.startswith("documentation"):
        assert "<script>" not in shown
        assert "&lt;script>alert(1)&lt;/script>" in shown
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
    if place.kind in LOCAL:
        pytest.skip("nobody is busy there")
    place.receiver.busy = 1
    with pytest.raises(Undelivered) as told:
        place.send()
    assert not told.value.permanent
    if place.kind not in ("email", "email-tls", "apprise"):
        assert told.value.retry_after == 7
    place.send(again=True)
    assert place.receiver.told() == [MESSAGE.key]


def test_what_is_refused_for_good_is_not_tried_again(place: Place) -> None:
    if place.kind in LOCAL:
        pytest.skip("nothing is refused there")
    if place.kind == "apprise":
        pytest.skip("Apprise does not tell why it could not deliver")
    place.receiver.refuse = 404
    with pytest.raises(Undelivered) as told:
        place.send()
    assert told.value.permanent
    assert "s3cr3t" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_receiver_that_is_ill_is_tried_again(place: Place) -> None:
    if place.kind in LOCAL:
        pytest.skip("nobody is ill there")
    place.receiver.refuse = 503
    if isinstance(place.receiver, Mailbox):
        place.receiver.refuse, place.receiver.busy = 0, 1
    with pytest.raises(Undelivered) as told:
        place.send()
    assert not told.value.permanent


def test_private_addresses_are_refused_unless_allowed(place: Place) -> None:
    if place.kind in LOCAL:
        pytest.skip("no address")
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


# ── what is published ──────────────────────────────────────────────────────────────────────────────────────


def announced(item: str, text: str, **more: Any) -> Message:
    key = f"announcement/shop/production/2.4.0/{item}"
    return replace(MESSAGE, key=key, title=f"shop 2.4.0: {item}", text=text, severity=Severity.INFO, **more)


def test_a_post_that_may_have_arrived_does_not_appear_twice_even_after_the_servers_memory(
    only: Callable[[str], Place],
) -> None:
    place = only("mastodon")
    assert isinstance(place.receiver, MastodonApi)
    post = announced("social_media", "shop 2.4.0 is here.\n\nCoupons & <more>")
    receipt = place.send(post)
    place.receiver.forget_keys()
    assert place.send(post, again=True) == receipt
    assert len(place.receiver.got) == 1


def test_a_post_is_read_back_by_another_client(only: Callable[[str], Place]) -> None:
    """4a: social media. Mastodon.py reads what Pilotage posted, through the API that both have."""
    from mastodon import Mastodon as Client

    place = only("mastodon")
    place.send(announced("social_media", "shop 2.4.0 is here. " + "x" * 600))
    client = Client(access_token=ACCESS, api_base_url=place.receiver.url, version_check_mode="none")
    (post,) = client.account_statuses(client.account_verify_credentials().id)
    assert post.content.startswith("<p>shop 2.4.0 is here. xxx")
    assert post.content.endswith("…</p>")
    assert (post.visibility, post.language) == ("public", "en")


def test_a_token_that_may_only_write_still_posts_once_within_the_hour(only: Callable[[str], Place]) -> None:
    place = only("mastodon")
    assert isinstance(place.receiver, MastodonApi)
    place.receiver.scopes = {"write:statuses"}
    place.send(announced("social_media", "Here."))
    place.send(announced("social_media", "Here."), again=True)
    assert (len(place.receiver.got), place.receiver.repeated) == (1, 1)


@pytest.mark.parametrize("kind", ["documentation-folder", "documentation-git", "documentation-http"])
def test_the_page_of_a_version_says_what_is_so_now(only: Callable[[str], Place], kind: str) -> None:
    place = only(kind)
    for item, text in (("documentation_updates", "is coming"), ("rollback_notice", "was rolled back")):
        place.send(announced(item, f"It {text}."))
    assert "It was rolled back." in place.receiver.shown()
    assert "is coming" not in place.receiver.shown()


def test_a_page_joins_what_others_pushed_in_the_meantime(only: Callable[[str], Place], tmp_path: Path) -> None:
    from ..receiving.pages import git

    place = only("documentation-git")
    place.send(announced("documentation_updates", "It is coming."))
    clone = tmp_path / "clone"
    git("clone", "-q", tmp_path / "docs.git", clone)
    assert (clone / "shop" / "2.4.0.md").read_text().startswith("# shop 2.4.0: documentation_updates\n\nIt is coming.")
    (clone / "index.md").write_text("# Home\n")
    (clone / ".gitattributes").write_text("* filter=evil\n")
    git("add", ".", folder=clone)
    git("-c", "user.name=ada", "-c", "user.email=ada@x", "commit", "-qm", "docs: home", folder=clone)
    git("push", "-q", folder=clone)
    first = place.send(announced("release_notes_publication", "Coupons."))
    assert "# Home" in place.receiver.shown()
    assert place.send(announced("release_notes_publication", "Coupons."), again=True) == first, "no second commit"
    assert git("log", "--format=%an <%ae> %s", "-1", "main", folder=tmp_path / "docs.git") == (
        "Pilotage <pilotage@localhost> shop 2.4.0: release_notes_publication"
    )


def test_a_push_that_is_refused_is_tried_again(only: Callable[[str], Place]) -> None:
    place = only("documentation-git")
    place.receiver.refuse_next(permanent=False)
    with pytest.raises(Undelivered, match="git push") as told:
        place.send(announced("documentation_updates", "It is coming."))
    assert not told.value.permanent
    place.send(announced("documentation_updates", "It is coming."), again=True)
    assert "It is coming." in place.receiver.shown()


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/docs.git", "ssh://git@127.0.0.1/docs.git", "git@127.0.0.1:docs.git"]
)
def test_a_repository_in_a_private_network_is_refused_unless_allowed(address: str) -> None:
    place = section(kind="documentation", repository=address, allow_private_network=False)
    with pytest.raises(Undelivered, match="is not public"):
        open_channel(place).send(Delivery(message=MESSAGE))


@pytest.mark.parametrize("address", ["ext::sh -c true", "--upload-pack=true", "git://example.org/x"])
def test_an_address_that_is_none_of_a_repository_is_no_setting(address: str) -> None:
    with pytest.raises(ValueError, match="repository"):
        section(kind="documentation", repository=address)


@pytest.mark.parametrize("address", ["https://u:hunter2@h/x.git", "https://hunter2@h/x", "http://u:hunter2@h/x"])
def test_a_password_in_the_address_of_a_repository_is_refused_and_not_repeated(address: str) -> None:
    """R24: the configuration holds references to secrets alone, because it is copied into the state folder."""
    with pytest.raises(ValidationError, match="without a password") as refused:
        section(kind="documentation", repository=address)
    assert not any("hunter2" in one["msg"] for one in refused.value.errors())


def test_nothing_is_written_through_a_link_out_of_the_folder(only: Callable[[str], Place], tmp_path: Path) -> None:
    for kind in ("documentation-folder", "in-app"):
        place = only(kind)
        (tmp_path / "public").mkdir(exist_ok=True)
        (tmp_path / "outside").mkdir(exist_ok=True)
        (tmp_path / "public" / "shop").unlink(missing_ok=True)
        (tmp_path / "public" / "shop").symlink_to(tmp_path / "outside")
        with pytest.raises(Undelivered, match="leads out of"):
            place.send()
        assert not list((tmp_path / "outside").iterdir())


def test_a_feed_has_the_messages_of_its_version_and_cohort_newest_first(
    only: Callable[[str], Place], tmp_path: Path
) -> None:
    place = only("in-app")
    place.section = {**place.section, "most": 2}
    for number in (1, 2, 3):
        place.send(announced(f"note_{number}", f"Note {number}."))
    place.send(replace(announced("other", "Other."), version="2.5.0"))
    place.section["cohort"] = "beta"
    place.send(announced("for_beta", "For you."))
    folder = tmp_path / "public" / "shop"
    assert sorted(one.name for one in folder.iterdir()) == ["2.4.0.beta.json", "2.4.0.json", "2.5.0.json"]
    feed = json.loads((folder / "2.4.0.json").read_text())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [one["content_text"] for one in feed["items"]] == ["Note 3.", "Note 2."]


# ── mail to a list ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mailing(only: Callable[[str], Place], tmp_path: Path) -> Place:
    """A mail channel with three recipients in a file, the second of whom the server does not know."""
    place = only("email")
    (tmp_path / "list.txt").write_text("# customers\nada@example.org\nGONE@example.org\n\nbob@example.org # key\n")
    place.section |= {
        "to": [], "to_file": str(tmp_path / "list.txt"),
        "unsubscribe": "https://example.org/unsubscribe?who={address}",
    }  # fmt: skip
    return place


def to_list(place: Place, so_far: JsonObject | None = None) -> JsonObject:
    news = announced("release_announcement", "It is coming.", audience="customers", kind="e-mail")
    return open_channel(place.section).send(Delivery(message=news, so_far=so_far))


def test_4a_each_of_a_list_gets_a_mail_of_their_own_with_a_way_out(mailing: Place) -> None:
    assert isinstance(mailing.receiver, Mailbox)
    mailing.receiver.unknown = {"GONE@example.org"}
    assert to_list(mailing) == {"sent": 2, "refused": 1}
    assert [mail["To"] for mail in mailing.receiver.mails] == ["ada@example.org", "bob@example.org"]
    first = mailing.receiver.mails[0]
    assert first["List-Unsubscribe"] == "<https://example.org/unsubscribe?who=ada%40example.org>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "bob" not in first.as_string()


def test_whoever_has_their_mail_does_not_get_it_again_when_the_rest_is_tried_again(mailing: Place) -> None:
    assert isinstance(mailing.receiver, Mailbox)
    mailing.receiver.until_busy = 1
    with pytest.raises(Undelivered) as told:
        to_list(mailing)
    assert not told.value.permanent
    assert "ada@example.org" not in str(told.value.so_far)
    assert to_list(mailing, told.value.so_far) == {"sent": 3, "refused": 0}
    assert [mail["To"] for mail in mailing.receiver.mails] == ["ada@example.org", "GONE@example.org", "bob@example.org"]
    assert mailing.receiver.repeated == 0


def test_one_address_that_is_not_taken_now_holds_up_no_other_and_is_given_up_in_the_end(mailing: Place) -> None:
    """R33: a full mailbox of one tenant keeps no notice from the others."""
    assert isinstance(mailing.receiver, Mailbox)
    mailing.receiver.later = {"ada@example.org"}
    so_far: JsonObject | None = None
    for _ in range(50):
        try:
            assert to_list(mailing, so_far) == {"sent": 2, "refused": 1}
            break
        except Undelivered as error:
            so_far = error.so_far
    else:
        pytest.fail("it is never given up")
    assert [mail["To"] for mail in mailing.receiver.mails] == ["GONE@example.org", "bob@example.org"]
    assert mailing.receiver.repeated == 0


def test_an_address_that_the_server_cannot_take_at_all_holds_up_no_other(mailing: Place, tmp_path: Path) -> None:
    """R33: a server without SMTPUTF8."""
    assert isinstance(mailing.receiver, Mailbox)
    (tmp_path / "list.txt").write_text("jürgen@example.org\nada@example.org\n")
    assert to_list(mailing) == {"sent": 1, "refused": 1}
    assert [mail["To"] for mail in mailing.receiver.mails] == ["ada@example.org"]


def test_whose_mail_went_out_is_noted_at_once(mailing: Place) -> None:
    """R33: a worker that dies between two mails repeats none of them."""
    assert isinstance(mailing.receiver, Mailbox)
    noted: list[tuple[int, JsonObject]] = []
    news = announced("release_announcement", "It is coming.", audience="customers", kind="e-mail")
    mails = mailing.receiver.mails
    delivery = Delivery(message=news, note=lambda so_far: noted.append((len(mails), so_far)))
    open_channel(mailing.section).send(delivery)
    assert [count for count, _ in noted] == [1, 2, 3]
    assert to_list(mailing, noted[-1][1]) == {"sent": 3, "refused": 0}
    assert mailing.receiver.repeated == 0


@pytest.mark.parametrize(("text", "words"), [("", "has no address"), ("ada@x\nBob <b@x>\n", "list.txt:2: 'Bob <b@x>'")])
def test_a_list_that_cannot_be_read_sends_nothing(mailing: Place, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(Undelivered, match=words):
        to_list(mailing)
    assert mailing.receiver.told() == []


def test_what_operators_get_has_no_way_out(only: Callable[[str], Place]) -> None:
    place = only("email")
    place.section["unsubscribe"] = "mailto:leave@example.org"
    place.send()
    assert isinstance(place.receiver, Mailbox)
    assert place.receiver.mails[0]["List-Unsubscribe"] is None


CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def test_files_go_with_a_mail_as_what_they_are(only: Callable[[str], Place]) -> None:
    place = only("email")
    files = (
        Attachment(name="briefing.html", type="text/html", content="<!doctype html><title>é</title>"),
        Attachment(name="invite.ics", type="text/calendar; method=REQUEST", content=CALENDAR),
    )
    place.send(announced("executive_briefing", "- One\n- Two <b>", audience="executives", attachments=files))
    assert isinstance(place.receiver, Mailbox)
    (mail,) = place.receiver.mails
    (briefing,) = mail.iter_attachments()
    (invite,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert (briefing.get_filename(), briefing.get_content_type()) == ("briefing.html", "text/html")
    assert "é" in briefing.get_content()
    assert invite.get_param("method") == "REQUEST"
    assert "<li>One</li><li>Two &lt;b&gt;</li>" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_a_post_through_apprise_is_its_text_and_shows_no_key(only: Callable[[str], Place]) -> None:
    place = only("apprise")
    place.send(announced("social_media", "shop 2.4.0 is here.", kind="social media", audience="customers"))
    assert isinstance(place.receiver, Ntfy)
    (post,) = place.receiver.got
    assert post["message"] == "shop 2.4.0 is here."
    assert "announcement/" not in json.dumps(post)
