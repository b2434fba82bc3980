"""What HAProxy is started with. It never changes while it runs."""

from __future__ import annotations

from pathlib import Path

SLOTS = tuple(f"slot{number}" for number in range(1, 9))
"""Backends, each for one version at a time."""


def configuration(directory: Path, listen: str, cookie: str | None) -> str:
    """The text of haproxy.cfg. cookie: tells users apart; None to spread requests."""
    return f"""
global
    stats socket unix@admin.sock mode 600 level admin
    noreuseport
    hard-stop-after 5s
    maxconn 4000

defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive 10s
    retries 3
    option redispatch 1

frontend users
    bind {listen}
    http-request return status 503 content-type text/html string "<h1>Closed for maintenance</h1>" if {{ str(closed),map({directory}/state.map,no) -m str yes }}
{_bucket(cookie)}
    use_backend %[var(txn.bucket),map_int({directory}/split.map,nobody)]
    default_backend nobody

backend nobody
    http-request return status 503
    # Maps exist only where they are used: this one names the version of each slot.
    http-request set-var(txn.none) str(none),map({directory}/versions.map)

{"".join(f"backend {slot}{chr(10)}    balance roundrobin{chr(10)}" for slot in SLOTS)}"""  # noqa: E501


def _bucket(cookie: str | None) -> str:
    if cookie is None:
        return "    http-request set-var(txn.bucket) rand(1000)"
    return f"""    acl known req.cook({cookie}) -m len gt 0
    http-request set-var(txn.user) req.cook({cookie}) if known
    http-request set-var(txn.user) uuid() if !known
    http-request set-var(txn.new) bool(true) if !known
    http-request set-var(txn.bucket) var(txn.user),xxh32,mod(1000)
    http-response add-header Set-Cookie "{cookie}=%[var(txn.user)]; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax" if {{ var(txn.new) -m bool }}"""  # noqa: E501
