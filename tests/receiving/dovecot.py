"""A mailbox as people have one: mail comes by SMTP (aiosmtpd) into a Maildir, and Dovecot serves it by IMAP."""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox as MaildirHandler

from pilotage.adapters.free_port import free_port

from ..programs import needs

_CONFIGURATION = """
protocols = imap
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{place}/mail
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={place} allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
_PATIENCE = 10.0


@dataclass
class MailHost:
    """smtp: port that takes mail for everyone · imap: port at which anyone reads all of it."""

    smtp: int
    imap: int
    log: Path

    def mails(self) -> list[EmailMessage]:
        """What a mail program finds in the inbox, in the order in which it came."""
        with imaplib.IMAP4("127.0.0.1", self.imap) as server:
            server.login("ada", "secret")
            server.select("INBOX", readonly=True)
            _, (numbers,) = server.search(None, "ALL")
            return [self._fetched(server, number) for number in numbers.split()]

    def _fetched(self, server: imaplib.IMAP4, number: bytes) -> EmailMessage:
        _, answer = server.fetch(number.decode(), "(RFC822)")
        assert isinstance(answer[0], tuple)
        found = message_from_bytes(answer[0][1], policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


class _Maildir(MaildirHandler):
    """Mail belongs to whom Dovecot serves it as, which is never root."""

    def __init__(self, place: Path, owner: pwd.struct_passwd) -> None:
        super().__init__(place)
        self._place, self._owner = place, owner

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        said: str = await super().handle_DATA(server, session, envelope)
        _give(self._place, self._owner)
        return said


def _give(place: Path, owner: pwd.struct_passwd) -> None:
    if os.getuid() == 0:
        for one in (place, *place.rglob("*")):
            os.chown(one, owner.pw_uid, owner.pw_gid)


@contextmanager
def mail_host() -> Iterator[MailHost]:
    """Both servers, in a folder of their own: other users than root must be able to enter it."""
    program = needs("dovecot")
    owner = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    group = str(owner.pw_gid)
    place = Path(tempfile.mkdtemp(prefix="pilotage-mail-", dir="/tmp"))
    smtp, imap = Controller(_Maildir(place / "mail", owner), hostname="127.0.0.1", port=free_port()), free_port()
    (place / "dovecot.conf").write_text(
        _CONFIGURATION.format(place=place, user=owner.pw_name, group=_group(group), port=imap)
    )
    (place / "mail").mkdir(exist_ok=True)
    place.chmod(0o755)
    _give(place / "mail", owner)
    smtp.start()
    dovecot = subprocess.Popen([program, "-F", "-c", str(place / "dovecot.conf")])
    try:
        _until_it_answers(imap)
        yield MailHost(smtp.port, imap, place / "log")
    finally:
        dovecot.terminate()
        dovecot.wait(10)
        smtp.stop()
        shutil.rmtree(place, ignore_errors=True)


def _group(number: str) -> str:
    import grp

    return grp.getgrgid(int(number)).gr_name


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            imaplib.IMAP4("127.0.0.1", port).logout()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
