"""A mail: text and HTML, files, one conversation a rollout, a Message-ID that is the same however often it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pilotage.adapters.notify.mail_page import LONGEST, page
from pilotage.model.json import JsonObject, text_at
from pilotage.model.medium import Attachment
from pilotage.model.message import OPERATORS, Message
from pilotage.model.text import line, plain


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A mail of one's own. name: whose it is, the same at every try · reply_to: where answers go; empty for the
    sender."""

    name: str
    to: tuple[str, ...]
    message: Message
    reply_to: str = ""


def compose(
    message: Message, sender: str, to: Sequence[str], first: JsonObject | None, unsubscribe: str | None = None,
    copy: Copy | None = None,
) -> EmailMessage:  # fmt: skip
    """A mail whose headers no text can break out of: line feeds are gone, and the policy refuses what is left.

    first: receipt of the first mail of its conversation · unsubscribe: address for List-Unsubscribe · copy: whose it
    is, if everyone gets their own.
    """
    made = EmailMessage(policy=SMTP)
    # How loud it is matters to operators; to customers it is noise.
    tag = f"[{message.severity}] " if message.audience == OPERATORS and not message.to else ""
    made["Subject"] = f"{tag}{line(message.title, 180)}"
    made["From"], made["To"] = sender, ", ".join(to)
    made["Date"] = format_datetime(datetime.fromtimestamp(message.at, UTC))
    made["Message-ID"] = f"<{_identity(message.key, copy.name if copy else '')}@{sender.rpartition('@')[2]}>"
    if copy and copy.reply_to:
        made["Reply-To"] = copy.reply_to
    made["Auto-Submitted"] = "auto-generated"
    made["X-Pilotage-Key"] = line(message.key, 200)
    if unsubscribe and message.audience != OPERATORS:
        made["List-Unsubscribe"] = f"<{unsubscribe}>"
        if unsubscribe.startswith("https:"):
            made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if first:
        made["In-Reply-To"] = made["References"] = text_at(first, "id")
    text = plain(message.text, LONGEST)
    facts = "\n".join(f"{line(label, 40)}: {line(value, 500)}" for label, value in message.facts)
    made.set_content(f"{text}\n\n{facts}\n" if facts else f"{text}\n")
    made.add_alternative(page(message), subtype="html")
    for one in message.attachments:
        if one.type.startswith("text/calendar"):
            _invite(made, one, sender, to)  # among the alternatives of the text, which files end
    for one in message.attachments:
        if not one.type.startswith("text/calendar"):
            _attach(made, one)
    return made


def _invite(mail: EmailMessage, invitation: Attachment, sender: str, to: Sequence[str]) -> None:
    from pilotage.adapters.notify.invitation import add_invitation

    add_invitation(mail, invitation, sender, to)


def _identity(key: str, copy: str) -> str:
    return hashlib.sha256(f"{key}\0{copy}".encode() if copy else key.encode()).hexdigest()[:32]


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    """With the parameters of its type."""
    kind, *parameters = (part.strip() for part in attachment.type.split(";"))
    main, _, sub = kind.partition("/")
    content = attachment.content.encode()
    mail.add_attachment(content, maintype=main, subtype=sub, filename=line(attachment.name, 100))
    *_, part = mail.iter_attachments()
    if main == "text":
        part.set_param("charset", "utf-8")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        part.set_param(name, value)
