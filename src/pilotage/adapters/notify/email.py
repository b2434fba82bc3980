"""E-mail: text and HTML, one thread a rollout, a Message-ID that is the same however often it is sent."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING

from pilotage.adapters.deadline import Deadline
from pilotage.adapters.outgoing import TIMEOUT, Undelivered, checked
from pilotage.adapters.ports import Delivery
from pilotage.adapters.secrets import resolve
from pilotage.model.json import JsonObject, text_at
from pilotage.model.message import OPERATORS, Message, Severity
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import EmailSection

_BODY = 100_000
_WHOLE = 3 * TIMEOUT
"""Seconds for all of a mail: some servers make a stranger wait before they greet (RFC 5321, 4.5.3.2)."""
_COLOURS = {
    Severity.PROGRESS: "#6b7280", Severity.INFO: "#1d4ed8", Severity.WARNING: "#b45309", Severity.CRITICAL: "#b91c1c",
}  # fmt: skip


class Email:
    def __init__(self, section: EmailSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        composed = compose(delivery.message, self._section.sender, self._section.to, delivery.first)
        try:
            with Deadline(_WHOLE) as deadline, self._connect(deadline) as server:
                if self._section.password:
                    server.login(self._section.username or "", resolve(self._section.password).reveal())
                refused = server.send_message(composed)
        except smtplib.SMTPAuthenticationError as error:
            raise Undelivered(f"{self._section.host} rejected the login ({error.smtp_code})", permanent=True) from None
        except smtplib.SMTPRecipientsRefused:
            raise Undelivered(f"{self._section.host} rejected every recipient", permanent=True) from None
        except smtplib.SMTPResponseException as error:
            # 4yz may be better later, 5yz not (RFC 5321, section 4.2.1).
            raise Undelivered(
                f"{self._section.host} returned {error.smtp_code}", permanent=error.smtp_code >= 500
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(f"{self._section.host} does not accept mail: {type(error).__name__}") from None
        return {"id": composed["Message-ID"], "refused": sorted(refused)}

    def _connect(self, deadline: Deadline) -> smtplib.SMTP:
        host, port = self._section.host, self._section.port
        address = checked(host, port, private=self._section.allow_private_network)
        context = ssl.create_default_context()
        if self._section.encryption == "tls":
            return _Secure(address, port, deadline=deadline, context=context, named=host)
        server = _Named(address, port, deadline=deadline, named=host)
        if self._section.encryption == "starttls":
            server.starttls(context=context)
        return server


class _Named(smtplib.SMTP):
    """Connects to an address that was checked, and holds the certificate against the name."""

    def __init__(self, address: str, port: int, *, deadline: Deadline, named: str) -> None:
        self._deadline = deadline
        super().__init__(address, port, timeout=TIMEOUT)
        self._host = named

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  # smtplib passes it
        return self._deadline.connect(host, port)


class _Secure(smtplib.SMTP_SSL):
    def __init__(self, address: str, port: int, *, deadline: Deadline, context: ssl.SSLContext, named: str) -> None:
        self._deadline, self._named = deadline, named
        super().__init__(address, port, timeout=TIMEOUT, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:  # noqa: ARG002  # smtplib passes it
        return self.context.wrap_socket(self._deadline.connect(host, port), server_hostname=self._named)


def compose(message: Message, sender: str, to: list[str], first: JsonObject | None) -> EmailMessage:
    """A mail whose headers no text can break out of: line feeds are gone, and the policy refuses what is left."""
    made = EmailMessage(policy=SMTP)
    # How loud it is matters to operators; to customers it is noise.
    tag = f"[{message.severity}] " if message.audience == OPERATORS else ""
    made["Subject"] = f"{tag}{line(message.title, 180)}"
    made["From"], made["To"] = sender, ", ".join(to)
    made["Date"] = format_datetime(datetime.fromtimestamp(message.at, UTC))
    made["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Pilotage-Key"] = line(message.key, 200)
    if first:
        made["In-Reply-To"] = made["References"] = text_at(first, "id")
    text = plain(message.text, _BODY)
    facts = "\n".join(f"{line(label, 40)}: {line(value, 500)}" for label, value in message.facts)
    made.set_content(f"{text}\n\n{facts}\n" if facts else f"{text}\n")
    made.add_alternative(page(message), subtype="html")
    return made


def page(message: Message) -> str:
    """The HTML part: tables and inline styles, which is what mail programs show."""
    rows = "".join(
        f"<tr><td style='color:#6b7280;padding:2px 12px 2px 0'>{escape(line(label, 40))}</td>"
        f"<td style='padding:2px 0'>{escape(line(value, 500))}</td></tr>"
        for label, value in message.facts
    )
    text = escape(plain(message.text, _BODY)).replace("\n", "<br>")
    return (
        "<!doctype html><html><body style='margin:0;font:15px/1.5 system-ui,sans-serif;color:#111827'>"
        f"<div style='border-left:6px solid {_COLOURS[message.severity]};padding:12px 16px;max-width:40em'>"
        f"<h1 style='font-size:18px;margin:0 0 8px'>{escape(line(message.title, 180))}</h1>"
        f"<p style='margin:0 0 12px'>{text}</p><table style='border-collapse:collapse;font-size:14px'>{rows}</table>"
        "</div></body></html>"
    )
