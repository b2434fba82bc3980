"""E-mail over SMTP: to the channel's addresses in one mail, or a mail for each address of a file or each tenant."""

from __future__ import annotations

import hashlib
import re
import smtplib
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

from pilotage.adapters.deadline import Deadline
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify.mail import Copy, compose
from pilotage.adapters.outgoing import TIMEOUT, Undelivered, checked
from pilotage.adapters.secrets import resolve
from pilotage.config.accounts import BadAccounts, accounts_in
from pilotage.model.json import JsonObject, list_at, optional
from pilotage.model.message import Message
from pilotage.model.text import line

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import EmailSection

_WHOLE = 3 * TIMEOUT
"""Seconds for all of a mail: some servers make a stranger wait before they greet (RFC 5321, 4.5.3.2)."""
_TRIES = 12
"""Tries for an address that the server wants later, with the pauses of the outbox about 20 minutes in all: what comes
next in the channel waits that long."""
_NOTED, _NOTE_EVERY = 500, 1.0
"""So many mails are noted each; of more, what has gone out is noted once in so many seconds."""
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")


@dataclass(frozen=True, kw_only=True)
class _Progress:
    """The names of copies that went out, of those that the server refused for good, and of those that it wanted later,
    each with how often."""

    done: set[str]
    refused: set[str]
    later: Counter[str]

    @classmethod
    def of(cls, so_far: JsonObject | None) -> _Progress:
        found = so_far or {}
        done, refused, later = (optional(list_at, found, name) or () for name in ("done", "refused", "later"))
        again = Counter(str(one) for one in later)
        return cls(done={str(one) for one in done}, refused={str(one) for one in refused}, later=again)

    def has(self, copy: Copy) -> bool:
        return copy.name in self.done or copy.name in self.refused

    def put_off(self, copy: Copy) -> None:
        self.later[copy.name] += 1
        if self.later[copy.name] >= _TRIES:
            self.refused.add(copy.name)
            del self.later[copy.name]

    def kept(self) -> JsonObject:
        later = sorted(self.later.elements())
        return {"done": sorted(self.done), "refused": sorted(self.refused), **({"later": later} if later else {})}


class Email:
    def __init__(self, section: EmailSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        message, section = delivery.message, self._section
        if section.tenants:
            progress = self._to_each(delivery, copies_for_tenants(message))
            return {"sent": len(progress.done), "refused": len(progress.refused)}
        if message.to or section.to:
            return self._to_all(delivery, list(message.to) or section.to)
        if section.accounts_file is not None:
            progress = self._to_each(delivery, copies_for_accounts(message, Path(section.accounts_file)))
            return {"accounts": sorted(progress.done), "refused": sorted(progress.refused)}
        if section.to_file is None:
            raise Undelivered("neither the message nor the channel names an address", permanent=True)
        copies = [Copy(name=_mark(one), to=(one,), message=message) for one in addresses_in(Path(section.to_file))]
        progress = self._to_each(delivery, copies)
        return {"sent": len(progress.done), "refused": len(progress.refused)}

    def _to_all(self, delivery: Delivery, to: Sequence[str]) -> JsonObject:
        composed = compose(delivery.message, self._section.sender, to, delivery.first, self._section.unsubscribe)
        with self._told(), Deadline(_WHOLE) as deadline, self._open(deadline) as server:
            refused = server.send_message(composed)
        return {"id": composed["Message-ID"], "refused": sorted(refused)}

    def _to_each(self, delivery: Delivery, copies: Sequence[Copy]) -> _Progress:
        """A mail for each copy, so that nobody sees the others. What there is no time for is left to the next
        attempt."""
        progress, noted = _Progress.of(delivery.so_far), 0.0
        try:
            with self._told(), Deadline(_WHOLE) as deadline, self._open(deadline) as server:
                for copy in sorted(copies, key=lambda one: progress.later[one.name]):
                    if progress.has(copy):
                        continue
                    if deadline.left < TIMEOUT:
                        break
                    self._one(server, copy, progress)
                    if len(progress.done) < _NOTED or monotonic() - noted > _NOTE_EVERY:
                        delivery.note(progress.kept())
                        noted = monotonic()
        except Undelivered as error:
            error.so_far = progress.kept()
            raise
        if left := sum(not progress.has(copy) for copy in copies):
            words = f"{left} of {len(copies)} mails have still to go out"
            pause = None if left == len(progress.later) else 0.0
            raise Undelivered(words, retry_after=pause, so_far=progress.kept())
        return progress

    def _one(self, server: smtplib.SMTP, copy: Copy, progress: _Progress) -> None:
        """Send it, and note whether the server took it for somebody. Raises what is no fault of the addresses."""
        unsubscribe = (self._section.unsubscribe or "").replace("{address}", quote(copy.to[0], safe=""))
        try:
            server.send_message(compose(copy.message, self._section.sender, copy.to, None, unsubscribe, copy))
            progress.done.add(copy.name)
            progress.later.pop(copy.name, None)
        except smtplib.SMTPRecipientsRefused as error:
            if any(code < 500 for code, _ in error.recipients.values()):
                progress.put_off(copy)  # a full mailbox, or greylisting: nobody else waits for that
            else:
                progress.refused.add(copy.name)
        except (smtplib.SMTPNotSupportedError, ValueError):
            progress.refused.add(copy.name)  # an address that no header can hold, or this server cannot

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns errors of the exchange into Undelivered."""
        try:
            yield
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

    @contextmanager
    def _open(self, deadline: Deadline) -> Iterator[smtplib.SMTP]:
        with self._connect(deadline) as server:
            if self._section.password:
                server.login(self._section.username or "", resolve(self._section.password).reveal())
            yield server

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


def addresses_in(path: Path) -> list[str]:
    """The addresses of a file, one a line, each once; `#` begins a comment. Raises Undelivered."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise Undelivered(f"{path.name}, the file of recipients, cannot be read") from None
    found = {}
    for number, text in enumerate(lines, 1):
        if not (address := text.partition("#")[0].strip()):
            continue
        if not _ADDRESS.fullmatch(address):
            raise Undelivered(f"{path.name}:{number}: {line(address, 60)!r} is not a mail address")
        found[address.lower()] = address
    if not found:
        raise Undelivered(f"{path.name}, the file of recipients, has no address")
    return list(found.values())


def copies_for_accounts(message: Message, path: Path) -> list[Copy]:
    """A copy for each account: with its greeting, with what it uses the service for, answered to its owner. Raises
    Undelivered."""
    try:
        found = accounts_in(path)
    except BadAccounts as error:
        raise Undelivered(str(error)) from None
    return [
        Copy(
            name=name, to=tuple(one.contacts), reply_to=one.owner or "",
            message=replace(message, text="\n\n".join(part for part in (one.greeting, message.text, one.use) if part)),
        )
        for name, one in found.items()
    ]  # fmt: skip


def copies_for_tenants(message: Message) -> list[Copy]:
    """A copy for each receiver of its personal texts; an address that is in two of them gets both. Raises
    Undelivered where it has none."""
    copies = [
        Copy(name=f"{number}:{_mark(one)}", to=(one,), message=replace(message, title=part.title, text=part.text))
        for number, part in enumerate(message.personal)
        for one in dict.fromkeys(part.to)
    ]
    if not copies:
        raise Undelivered("no tenant that it is for has a contact in the list of tenants", permanent=True)
    return copies


def _mark(address: str) -> str:
    """What is kept of an address that has its mail."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:16]
