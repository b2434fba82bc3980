"""What `pilotage doctor --server` checks: whether this machine can serve Pilotage to other people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.tls_peer import days_left
from pilotage.app.identity.policy import policy_of
from pilotage.app.project import Project
from pilotage.app.server_extra import missing
from pilotage.app.server_health import Grade, ready
from pilotage.app.store_backups import last_backup
from pilotage.app.unread import unread
from pilotage.engine.records.database_facts import DatabaseFacts, database_facts
from pilotage.model.access import AccessRole, HolderKind
from pilotage.model.finding import Finding
from pilotage.model.quantity import format_duration, format_size
from pilotage.model.wording import counted

_GRADES = {Grade.OK: "PASS", Grade.WARN: "WARN", Grade.FAIL: "FAIL"}
_SOON = 14.0
"""Days before its end at which a certificate should have been renewed."""
_OLD = 36 * 3600.0
"""Seconds after which a backup is old."""
_LEAST, _LITTLE = 200 * 2**20, 2 * 2**30
"""Bytes of the disk below which the store may fail, and below which somebody should look."""
_APART = 2.0
"""Seconds that two clocks may differ: leases go by the database's, everything else by this machine's."""


def examine_server(project: Project) -> Iterator[Finding]:
    """Every finding, in the order in which a server is set up."""
    yield _installed()
    if why := unread(project):
        yield Finding("FAIL", "configuration", f"{why}: correct it; a server that runs shows records, and can abort")
    else:
        yield from _address(project)
    health = ready(project.store)
    yield from (Finding(_GRADES[one.grade], one.name, one.detail) for one in health.checks)
    if health.ready:
        if (facts := database_facts(project.store.engine, project.clock)) is not None:
            yield from _database(facts)
        yield from _people(project)
    yield _room(project)
    yield _backup(project)


def _installed() -> Finding:
    lacking = missing()
    return Finding("FAIL", "server", lacking) if lacking else Finding("PASS", "server", "installed")


def _address(project: Project) -> Iterator[Finding]:
    url = policy_of(project).url
    if not url:
        yield Finding("WARN", "address", "server.url is not set in pilotage.yaml: links in messages lead nowhere")
        return
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not local:
        yield Finding("FAIL", "TLS", f"{url} is not encrypted: put a proxy with TLS in front, or use --certificate")
    elif parts.scheme == "https":
        yield _certificate(parts.hostname or "", parts.port or 443)
    yield _reached(f"{url.rstrip('/')}/healthz")


def _certificate(host: str, port: int) -> Finding:
    try:
        left = days_left(host, port)
    except AdapterError as error:
        return Finding("FAIL", "TLS", str(error))
    if left < _SOON:
        return Finding("WARN", "TLS", f"the certificate of {host} expires in {counted(round(left), 'day')}: renew it")
    return Finding("PASS", "TLS", f"the certificate of {host} is valid for {counted(round(left), 'day')}")


def _reached(url: str) -> Finding:
    try:
        status, _ = get_status(url, 5.0)
    except AdapterError as error:
        return Finding("WARN", "address", f"not reached from here ({error}): start the server, look at the proxy")
    if status != 200:
        return Finding("FAIL", "address", f"{url} answers {status}, not 200: something else is there")
    return Finding("PASS", "address", f"{url} answers")


def _database(facts: DatabaseFacts) -> Iterator[Finding]:
    what = "PostgreSQL"
    if facts.standby:
        yield Finding("FAIL", what, "this is a standby: use target_session_attrs=read-write in PILOTAGE_DATABASE")
    if facts.version < 13:
        yield Finding("FAIL", what, f"version {facts.version} is no longer maintained: use 14 or newer")
    if facts.several and not facts.writable:
        words = "PILOTAGE_DATABASE names several hosts: add target_session_attrs=read-write"
        yield Finding("FAIL", what, f"{words}, or a failover may find a standby")
    if facts.synchronous in ("off", "local"):
        yield Finding("WARN", what, f"synchronous_commit is {facts.synchronous}: a crash may lose the last second")
    if not facts.encrypted:
        yield Finding("WARN", what, "the connection is not encrypted: add sslmode=verify-full")
    if facts.connections > 0.8 * facts.most:
        yield Finding("WARN", what, f"{facts.connections} of {facts.most} connections are in use")
    if abs(facts.ahead) > _APART:
        words = f"its clock differs from this machine's by {format_duration(abs(facts.ahead))}: run NTP on both"
        yield Finding("WARN", "clock", words)
    else:
        yield Finding("PASS", what, f"version {facts.version}, {facts.connections} of {facts.most} connections in use")


def _people(project: Project) -> Iterator[Finding]:
    persons = project.store.persons
    people = [one for one in persons.all() if one.disabled_at is None]
    admins = [
        one.name for one in people
        if any(grant.role == AccessRole.ADMIN for grant in persons.grants_of(HolderKind.PERSON, [one.name]))
    ]  # fmt: skip
    policy = policy_of(project)
    titles = ", ".join(one.title for one in policy.providers)
    way_in = counted(len(people), "person", "people") + f" and {titles}" * bool(titles)
    if not people and not policy.providers:
        yield Finding("WARN", "sign-in", "nobody can sign in yet: `pilotage serve` prints a link for the owner")
    elif not admins:
        yield Finding("WARN", "sign-in", f"{way_in} may sign in, and nobody by name is an admin: `pilotage user add`")
    else:
        bare = sorted(one.name for one in people if one.name in admins and one.password and not one.totp)
        if bare:
            yield Finding("WARN", "sign-in", f"admins without a second factor: {', '.join(bare)}")
        yield Finding("PASS", "sign-in", f"{way_in} may sign in; admins: {', '.join(sorted(admins))}")


def _room(project: Project) -> Finding:
    free = shutil.disk_usage(project.directory).free
    said = f"{format_size(free)} are free for {project.directory}"
    if free < _LEAST:
        return Finding("FAIL", "disk", f"{said}: make room, or run `pilotage prune`")
    return Finding("WARN" if free < _LITTLE else "PASS", "disk", said)


def _backup(project: Project) -> Finding:
    found = last_backup(project.directory)
    if found is None:
        return Finding("WARN", "backup", "never made from here: run `pilotage store backup FOLDER` every night")
    at, file = found
    age = max(0.0, project.clock.now() - at)
    said = f"{format_duration(round(age))} old ({file})"
    if not file.exists():
        return Finding("WARN", "backup", f"{said}, but the file is gone from here")
    return Finding("WARN" if age > _OLD else "PASS", "backup", said)
