"""Why a connection failed, in one sentence that says what to do; read from what `ssh` wrote.

The messages are those of OpenSSH 7.6 to 10 (sshconnect.c, sshconnect2.c, packet.c, readconf.c).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pilotage.model.text import line

_AS = re.compile(r"^debug1: Authenticating to (\S+):(\d+) as '([^']*)'", re.MULTILINE)
_TO = re.compile(r"^debug1: Connecting to (\S+) (?:\[\S+\] )?port (\d+)", re.MULTILINE)
_KEY = re.compile(r"^debug1: Server host key: (\S+) (SHA256:\S+)", re.MULTILINE)
_OFFERED = "debug1: Offering public key: "
_OLD_KEY = re.compile(r"^Offending \S+ key in (\S[^\n]*)$", re.MULTILINE)
_UNUSABLE = re.compile(r'^Load key "([^"\n]+)": (\S[^\n]*)$', re.MULTILINE)
_BUSY = re.compile(
    r"kex_exchange_identification|Connection (?:closed|reset) by \S+ port|Not allowed at this time"
    r"|ssh_exchange_identification|Exceeded MaxStartups"
)
_THROUGH = "UNKNOWN port 65535"
"""In the log of an `ssh` whose connection is another program, such as the `ssh` of a jump host."""
_KNOWN_HOSTS = "~/.ssh/known_hosts"
_MOST = 500

Answer = Callable[[re.Match[str], str], str]


def destination(log: str) -> str:
    """`user@host:port` as far as `ssh` came; empty if it connected to nothing."""
    if found := _AS.search(log):
        return f"{found[3]}@{found[1]}:{found[2]}"
    return f"{found[1]}:{found[2]}" if (found := _TO.search(log)) else ""


def is_busy(log: str, said: str) -> bool:
    """Whether sshd hung up before it looked at who is there: it allows a few logins at a time (MaxStartups)."""
    return bool(_BUSY.search(said if _THROUGH in log else log)) and "debug1: Authenticating to" not in log


def sentence(log: str, said: str, known_hosts: Callable[[], str] = lambda: _KNOWN_HOSTS) -> str:
    """log: what `ssh` wrote · said: what else came, from the `ssh` of a jump host or from the login shell ·
    known_hosts: the file with the keys of hosts; empty for none that keeps any."""
    through = _THROUGH in log
    text = "\n".join(row.rstrip() for row in (said if through else log).splitlines())
    for pattern, answer in _TABLE:
        if found := pattern.search(text):
            if answer is _unknown_key and not through:
                return line(_unknown_key(found, text, known_hosts()), _MOST)
            return line(f"{'on the way there: ' if through else ''}{answer(found, text)}", _MOST)
    own = [row for row in log.splitlines() if row.strip() and not row.startswith("debug")]
    heard = [row for row in said.splitlines() if row.strip()]
    return line(_shell(log, heard) or " / ".join((own + heard)[-3:]) or "ssh ended without a word", _MOST)


def _shell(log: str, heard: list[str]) -> str:
    """After a login that worked."""
    if "\ndebug1: Entering interactive session" not in log:
        return ""
    end = f" (it says: {' / '.join(heard[-2:])})" if heard else ""
    if any("/bin/sh" in row for row in heard):
        return f"the login worked, but the host cannot run /bin/sh{end}"
    return f"the login worked, but the user's shell does not run commands, or the key is bound to another one{end}"


def _unknown_key(found: re.Match[str], log: str, file: str = _KNOWN_HOSTS) -> str:
    key = _KEY.search(log)
    where = _AS.search(log)
    shown = f" ({key[1]}, {key[2]})" if key else ""
    port = f"-p {where[2]} " if where and where[2] != "22" else ""
    scan = f"`ssh-keyscan {port}{where[1] if where else found[1]} >> {file}`"
    cure = scan if file else "name a file for it with UserKnownHostsFile in ssh_config, where it is none now"
    return (
        f"the host key of {found[1]}{shown} is not in known_hosts. Compare the fingerprint with one from the host "
        f"itself (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there); if it is right, {cure}"
    )


def _changed_key(_: re.Match[str], log: str) -> str:
    key = _KEY.search(log)
    old = _OLD_KEY.search(log)
    shown = f" (now {key[1]}, {key[2]})" if key else ""
    return (
        f"the host key has changed{shown}: somebody may answer in the host's place. If the host was set up anew, "
        f"compare the fingerprint with one from the host itself, then replace the entry"
        f"{f' at {old[1]}' if old else ' in known_hosts'}"
    )


def _denied(found: re.Match[str], log: str) -> str:
    where = _AS.search(log)
    offered = list(dict.fromkeys(_offered(log)))
    keys = ", ".join(offered[:5]) + (" and more" if len(offered) > 5 else "")
    tried = f"keys tried: {keys}" if keys else "no key was there to try; is an agent running, or a key named?"
    bad = _UNUSABLE.search(log)
    return (
        f"permission denied for the user {where[3] if where else '?'} ({found[1]}); {tried}"
        f"{f'; {bad[1]}: {bad[2]}' if bad else ''}"
    )


def _offered(log: str) -> Iterator[str]:
    """Path or comment of each key, of lines such as `… public key: /home/ada/.ssh/id_rsa RSA SHA256:… agent`."""
    for row in log.splitlines():
        if row.startswith(_OFFERED):
            shown = row.removeprefix(_OFFERED).partition(" SHA256:")[0]
            yield shown.rpartition(" ")[0] or shown


_TABLE: tuple[tuple[re.Pattern[str], Answer], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), answer)
    for pattern, answer in (
        (r"IDENTIFICATION HAS CHANGED", _changed_key),
        (r"REVOKED HOST KEY DETECTED", lambda *_: "the host key is revoked in known_hosts"),
        (r"^No (?:\S+ )?host key is known for (\S+) and you have requested strict", _unknown_key),
        (r"Permission denied \(([^()\n]*)\)", _denied),
        (
            r"Too many authentication failures",
            lambda *_: "sshd refused to try more keys; name the right one with `identity_file`",
        ),
        (
            r"Could not resolve hostname (\S+): (\S[^\n]*)$",
            lambda found, _: f"the name {found[1]} is unknown ({found[2]}); is it in DNS or ssh_config?",
        ),
        (
            r"connect to host (\S+) port (\d+): (\S[^\n]*)$",
            lambda found, _: f"{found[1]} port {found[2]}: {found[3]}; {_advice(found[3])}",
        ),
        (
            r"Connection timed out during banner exchange|Connection to \S+ port \d+ timed out",
            lambda *_: "sshd does not answer in time; is the host overloaded?",
        ),
        (
            r"Unable to negotiate with \S+ port \d+: (\S[^\n]*)$",
            lambda found, _: f"this ssh and its sshd have no algorithm in common: {found[1]}",
        ),
        (
            r"Bad (?:configuration option: |owner or permissions on )(\S[^\n]*)$",
            lambda found, _: f"ssh refuses its configuration: {found[0]}",
        ),
        (
            r"^Timeout, server \S+ not responding",
            lambda *_: "the host stopped answering, so the connection was closed",
        ),
    )
)


def _advice(reason: str) -> str:
    if "refused" in reason:
        return "is sshd running there, and on this port?"
    return "is the host up, and does a firewall let this machine through?"
