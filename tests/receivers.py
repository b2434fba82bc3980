"""Receivers of messages on real sockets, as strict as the services they stand for, that tell what they got.

Slack, PagerDuty, Teams, CDEvents and Standard Webhooks over HTTP(S); mail over SMTP with TLS. Each refuses what the
real one refuses (sizes, fields, signatures, tokens), and drops repetitions where the real one does.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import trustme
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

Answer = tuple[int, dict[str, str], bytes]
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0LXJlY2VpdmVyLTMyYg=="
TOKEN, ROUTING_KEY = "xoxb-test-token", "R" * 32


@dataclass
class Receiver:
    """url: where it listens · got: every request it took, once each · repeated: those it knew already · busy: how many
    more requests to turn away with 429 · refuse: the status to answer everything with."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    repeated: int = 0
    busy: int = 0
    refuse: int = 0

    def refuse_next(self, permanent: bool) -> None:
        """Turn the next message away, for good or for now."""
        self.refuse, self.busy = (404, 0) if permanent else (0, 1)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    def told(self) -> list[str]:
        """Of the messages that it shows its users, in their order."""
        raise NotImplementedError

    def shown(self) -> str:
        """Everything its users see, as one text."""
        return json.dumps(self.got, ensure_ascii=False)


def fine(body: Any = None) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(body if body is not None else {"ok": True}).encode()


def bad(why: str) -> Answer:
    return 400, {}, why.encode()


class SlackApi(Receiver):
    """chat.postMessage, chat.update, conversations.history and .replies; and an incoming webhook below /hook."""

    def __init__(self) -> None:
        super().__init__()
        self.edits = 0
        self._clock = 0

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        content = json.loads(body)
        if path.startswith("/hook"):
            return self._shown(content) or self._keep("C1", content, {"Content-Type": "text/plain"})
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return fine({"ok": False, "error": "invalid_auth"})
        match path.rpartition("/")[2]:
            case "chat.postMessage":
                return self._shown(content) or self._keep("C1", content, {})
            case "chat.update":
                return self._shown(content) or self._update(content)
            case "conversations.history":
                found = [m for m in self.got if float(m["ts"]) >= float(content.get("oldest", 0)) - 1]
                return fine({"ok": True, "messages": found})
            case "conversations.replies":
                found = [m for m in self.got if content["ts"] in (m["ts"], m.get("thread_ts"))]
                return fine({"ok": True, "messages": found})
        return fine({"ok": False, "error": "unknown_method"})

    def _shown(self, content: Mapping[str, Any]) -> Answer | None:
        """The limits of Block Kit; None when all are kept."""
        blocks = content.get("blocks", [])
        if not content.get("text") or len(blocks) > 50:
            return bad("invalid_blocks")
        for block in blocks:
            text = block.get("text", {}).get("text", "x")
            fields = block.get("fields", [])
            if block["type"] == "header" and not (0 < len(text) <= 150 and block["text"]["type"] == "plain_text"):
                return bad("header")
            if block["type"] == "section" and (len(text) > 3000 or len(fields) > 10):
                return bad("section")
            if any(not 0 < len(one["text"]) <= 2000 for one in fields):
                return bad("fields")
            if block["type"] == "actions" and any(len(e["value"]) > 2000 for e in block["elements"]):
                return bad("actions")
        return None

    def _keep(self, channel: str, content: dict[str, Any], headers: dict[str, str]) -> Answer:
        self._clock += 1
        stamp = f"{time.time():.0f}.{self._clock:06d}"
        self.got.append({**content, "ts": stamp})
        if headers:
            return 200, headers, b"ok"
        return fine({"ok": True, "ts": stamp, "channel": channel})

    def _update(self, content: dict[str, Any]) -> Answer:
        for message in self.got:
            if message["ts"] == content["ts"]:
                self.edits += 1
                message.update({**content, "updated": [*message.get("updated", []), _slack_key(content)]})
                return fine({"ok": True, "ts": content["ts"], "channel": content["channel"]})
        return fine({"ok": False, "error": "message_not_found"})

    def told(self) -> list[str]:
        return [_slack_key(message) for message in self.got]


def _slack_key(content: Mapping[str, Any]) -> str:
    """From the block of context at the end, which every message has."""
    return str(content["blocks"][-1]["elements"][0]["text"])


class PagerDutyApi(Receiver):
    """Events v2: the same key and action again change nothing; incidents are open or resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, str] = {}

    def take(self, _path: str, _headers: Mapping[str, str], body: bytes) -> Answer:
        content = json.loads(body)
        payload = content.get("payload", {})
        if content.get("routing_key") != ROUTING_KEY or len(content.get("dedup_key", "")) > 255:
            return bad("invalid event")
        if content["event_action"] not in ("trigger", "acknowledge", "resolve"):
            return bad("event_action")
        if content["event_action"] == "trigger" and not (
            0 < len(payload["summary"]) <= 1024
            and payload["severity"] in ("critical", "error", "warning", "info")
            and payload["source"]
        ):
            return bad("payload")
        wanted = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}[content["event_action"]]
        now = self.incidents.get(content["dedup_key"])
        if now == wanted or (now in (None, "resolved") and wanted != "triggered"):
            self.repeated += 1
        else:
            self.incidents[content["dedup_key"]] = wanted
            self.got.append(content)
        return 202, {}, json.dumps({"status": "success", "dedup_key": content["dedup_key"]}).encode()

    def told(self) -> list[str]:
        return [one["payload"]["custom_details"]["key"] for one in self.got]


class TeamsWorkflow(Receiver):
    """Takes one Adaptive Card of at most 28 kB, and drops nothing."""

    def take(self, _path: str, _headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > 28_000:
            return 413, {}, b"Request Entity too large"
        content = json.loads(body)
        (attachment,) = content["attachments"]
        card = attachment["content"]
        if attachment["contentType"] != "application/vnd.microsoft.card.adaptive" or card["type"] != "AdaptiveCard":
            return bad("no card")
        if any(not run.get("text") for block in card["body"] for run in block["inlines"]):
            return bad("empty block")
        self.got.append(content)
        return 202, {}, b""

    def told(self) -> list[str]:
        cards = [one["attachments"][0]["content"]["body"] for one in self.got]
        return [body[-1]["inlines"][0]["text"] for body in cards]


class StandardWebhook(Receiver):
    """Verifies the signature with the reference library, and drops what it has."""

    def take(self, _path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            content = Verifier(SECRET).verify(body, {k.lower(): v for k, v in headers.items()})
        except WebhookVerificationError:
            return 401, {}, b"signature"
        if any(one["id"] == headers["webhook-id"] for one in self.got):
            self.repeated += 1
            return fine()
        self.got.append({"id": headers["webhook-id"], **content})
        return fine()

    def told(self) -> list[str]:
        return [one["data"]["key"] for one in self.got]


CDEVENT: dict[str, Any] = {
    "type": "object", "additionalProperties": False, "required": ["context", "subject"],
    "properties": {
        "context": {
            "type": "object", "additionalProperties": False,
            "required": ["specversion", "id", "source", "type", "timestamp"],
            "properties": {
                **{name: {"type": "string", "minLength": 1} for name in ("specversion", "id", "source", "chainId")},
                "type": {"pattern": r"^dev\.cdevents\.(service\.(deployed|upgraded|rolledback)|"
                                    r"incident\.(detected|resolved))\.0\.3\.0$"},
                "timestamp": {"type": "string", "format": "date-time"},
            },
        },
        "subject": {
            "type": "object", "additionalProperties": False, "required": ["id", "content"],
            "properties": {
                "id": {"type": "string", "minLength": 1}, "source": {"type": "string", "minLength": 1},
                "content": {"type": "object", "required": ["environment"]},
            },
        },
        "customData": {"type": "object"}, "customDataContentType": {"type": "string"},
    },
}  # fmt: skip
"""What these events must have, after the specification's schemas. A broker that is given those checks them, too."""


class CDEventsBroker(Receiver):
    """CloudEvents in binary mode; schemas: a folder with the specification's own, to hold events against."""

    def __init__(self, schemas: Path | None = None) -> None:
        super().__init__()
        self._schemas = schemas

    def take(self, _path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        content = json.loads(body)
        try:
            jsonschema.validate(content, CDEVENT)
            if self._schemas:
                _, _, subject, verb, *_ = content["context"]["type"].split(".")
                schema = json.loads((self._schemas / f"{subject}{verb}.json").read_text())
                schema["properties"]["context"]["properties"].pop("links", None)
                jsonschema.validate(content, schema)
        except jsonschema.ValidationError as error:
            return bad(error.message)
        context = content["context"]
        for name, value in (("id", context["id"]), ("type", context["type"]), ("source", context["source"])):
            if headers.get(f"ce-{name}") != value:
                return bad(f"ce-{name}")
        if headers.get("ce-specversion") != "1.0":
            return bad("ce-specversion")
        if any(one["context"]["id"] == context["id"] for one in self.got):
            self.repeated += 1
        else:
            self.got.append(content)
        return 202, {}, b""

    def told(self) -> list[str]:
        return [one["context"]["id"].rpartition("/")[0] for one in self.got]


class Ntfy(Receiver):
    """ntfy's publishing as JSON."""

    def take(self, _path: str, _headers: Mapping[str, str], body: bytes) -> Answer:
        self.got.append(json.loads(body))
        return fine({"id": "x"})

    def told(self) -> list[str]:
        return [one["message"].splitlines()[-1] for one in self.got]


@contextmanager
def listening(receiver: Receiver, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The receiver on a port of this machine; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if receiver.busy:
                receiver.busy -= 1
                answer: Answer = (429, {"Retry-After": "7"}, b"slow down")
            elif receiver.refuse:
                answer = (receiver.refuse, {}, b"no")
            else:
                answer = receiver.take(self.path, {**self.headers, ":method": self.command}, body)
            status, headers, content = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_PATCH = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    receiver.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
    try:
        yield receiver.url
    finally:
        server.shutdown()
        server.server_close()


class Mailbox(Receiver):
    """A mail server that drops a mail whose Message-ID it has, as mail programs do. unknown: addresses of nobody ·
    until_busy: mails after which it turns one away."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[EmailMessage] = []
        self.port = 0
        self.secured: list[bool] = []
        self.unknown: set[str] = set()
        self.later: set[str] = set()
        self.until_busy: int | None = None

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such user"
        if address in self.later:
            return "451 4.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.busy:
            self.busy -= 1
            return "451 4.7.1 try again later"
        if self.refuse:
            return "554 5.7.1 no"
        if self.until_busy is not None and len(self.mails) >= self.until_busy:
            self.until_busy = None
            return "451 4.7.1 try again later"
        self.secured.append(session.ssl is not None)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        if any(one["Message-ID"] == found["Message-ID"] for one in self.mails):
            self.repeated += 1
        else:
            self.mails.append(found)
        return "250 OK"

    def told(self) -> list[str]:
        return [str(mail["X-Pilotage-Key"]) for mail in self.mails]

    def shown(self) -> str:
        return "\n".join(f"{mail['Subject']}\n{_part(mail, 'plain')}\n{_part(mail, 'html')}" for mail in self.mails)


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return str(body.get_content()) if body else ""


@contextmanager
def mail_server(mailbox: Mailbox, tls: ssl.SSLContext | None) -> Iterator[int]:
    """SMTP with STARTTLS required where a context is given; the port."""
    from aiosmtpd.controller import Controller

    controller = Controller(
        mailbox, hostname="127.0.0.1", port=0, tls_context=tls, require_starttls=tls is not None,
        data_size_limit=None, enable_SMTPUTF8=False,
    )  # fmt: skip
    from pilotage.adapters.free_port import free_port

    controller.port = free_port()
    controller.start()
    mailbox.port = controller.port
    try:
        yield controller.port
    finally:
        controller.stop()


@contextmanager
def certified(place: Path, setenv: Callable[[str, str], None]) -> Iterator[ssl.SSLContext]:
    """A certificate for localhost that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    setenv("SSL_CERT_FILE", str(place / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    yield context


@contextmanager
def everybody() -> Iterator[dict[str, Receiver]]:
    """One of each, all of them listening."""
    from .grafana import Grafana

    found: dict[str, Receiver] = {
        "bot": SlackApi(), "hook": SlackApi(), "pagerduty": PagerDutyApi(), "teams": TeamsWorkflow(),
        "webhook": StandardWebhook(), "cdevents": CDEventsBroker(), "email": Mailbox(),
        "grafana": Grafana(),
    }  # fmt: skip
    with ExitStack() as stack:
        for receiver in found.values():
            if isinstance(receiver, Mailbox):
                stack.enter_context(mail_server(receiver, None))
            else:
                stack.enter_context(listening(receiver))
        yield found


def section(kind: str, **given: Any) -> dict[str, Any]:
    from pydantic import TypeAdapter

    from pilotage.config.channels import ChannelSection

    whole = {"kind": kind, "allow_private_network": True, "min_severity": "progress", **given}
    made: Any = TypeAdapter(ChannelSection).validate_python(whole)
    plain: dict[str, Any] = made.model_dump(mode="json")
    return plain


def channels(found: dict[str, Receiver]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Sections of `notify` that lead to the receivers, and the environment with their secrets."""
    from .grafana import TOKEN as GRAFANA_TOKEN

    mailbox = found["email"]
    assert isinstance(mailbox, Mailbox)
    mail = {"host": "localhost", "port": mailbox.port, "encryption": "none", "sender": "p@example.org"}
    secrets = {
        "S_BOT": TOKEN, "S_HOOK": f"{found['hook'].url}/hook/x", "S_PAGER": ROUTING_KEY,
        "S_TEAMS": f"{found['teams'].url}/w", "S_WEBHOOK": SECRET, "S_GRAFANA": GRAFANA_TOKEN,
    }  # fmt: skip
    return [
        section("slack", name="bot", token="secret://env/S_BOT", channel="#r", api_url=f"{found['bot'].url}/api"),
        section("slack", name="hook", webhook_url="secret://env/S_HOOK"),
        section("pagerduty", routing_key="secret://env/S_PAGER", url=f"{found['pagerduty'].url}/v2/enqueue"),
        section("teams", webhook_url="secret://env/S_TEAMS"),
        section("webhook", url=f"{found['webhook'].url}/in", secret="secret://env/S_WEBHOOK"),
        section("cdevents", url=found["cdevents"].url),
        section("email", to=["ops@example.org"], **mail),
        section("grafana", url=found["grafana"].url, token="secret://env/S_GRAFANA"),
    ], secrets
