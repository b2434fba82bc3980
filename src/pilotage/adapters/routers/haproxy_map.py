"""A split as the entries of one HAProxy map, and back.

Everything that a request is routed by is in this one map, because HAProxy replaces a map in one transaction: weights,
header routes and the maintenance page change at once, and a file with the same entries brings them back after a reload.

| key | value |
|---|---|
| `0/` … `999/` | the slot of a bucket of users, `closed`, or `unset` before the first split |
| `HEX|x-release` | the backend of a header route; HEX is the header's value |
| `SHA256|own` | there while requests with this secret go to the backends of Pilotage's own requests |
| `slot:1` … | the version of a slot |
| `split`, `routes` | weights and header routes, in order |
| `cohort`, `…:cohort`, `…:others` | a cohort and everybody else (`haproxy_cohort`) |
| `owner`, `last` | whose map it is; the slot that was taken last |

Slots are backends that the configuration has from the start, because HAProxy cannot add one while it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.haproxy_cohort import cohort_entries, cohort_in, refuse_tenants
from pilotage.model.traffic import WHOLE, HeaderRoute, Split

SLOTS = tuple(str(number) for number in range(1, 9))
"""Each stands for one version at a time."""
USERS, TESTERS, OWN = "", "-testers", "-own"
"""Backends of a slot: what each counts is counted apart."""
CLOSED = "closed"
UNSET = "unset"
"""There is no backend of this name, so HAProxy goes on with the frontend's own rules: until the first split, users stay
with the servers that they had."""
Entries = Mapping[str, str]


@dataclass(frozen=True)
class Slots:
    """of: the slot of each version · last: the one that was taken last."""

    of: Mapping[str, str]
    last: str


def entries_of(split: Split, slots: Slots, *, owner: str, token: str) -> dict[str, str]:
    """token: header value of synthetic requests; empty if they are not distinguished."""
    entries = {f"slot:{slot}": quote(version, safe="") for version, slot in slots.of.items()}
    entries |= {"owner": quote(owner, safe=""), "last": slots.last}
    entries["split"] = ",".join(f"{quote(version, safe='')}:{weight}" for version, weight in split.weights)
    if split.header_routes:
        entries |= {_key(route): slots.of[route.version] + TESTERS for route in split.header_routes}
        entries["routes"] = ",".join(f"{_hex(route.value)}|{route.header}" for route in split.header_routes)
    if token and not split.closed:
        entries[f"{hashlib.sha256(token.encode()).hexdigest().upper()}|own"] = "yes"
    # In the split's order: the version that grows stands first, so that it keeps the buckets that it had.
    order = [slots.of[version] for version, weight in split.weights for _ in range(weight)]
    entries |= {f"{bucket}/": CLOSED if split.closed else slot for bucket, slot in enumerate(order)}
    return entries | cohort_entries(split, slots.of)


def nothing(entries: Entries) -> dict[str, str]:
    """The entries of a router that was stopped: every user gets the maintenance page."""
    return {"last": entries.get("last", SLOTS[-1])}


def untouched() -> dict[str, str]:
    """The entries of a router that never had a split: Pilotage leads nobody anywhere."""
    return {**nothing({}), **{f"{bucket}/": UNSET for bucket in range(WHOLE)}}


def split_in(entries: Entries) -> Split | None:
    """What the entries do to users; None if no split was ever set. Raises AdapterError where somebody else changed
    them."""
    if "split" not in entries:
        return None
    try:
        buckets = [entries[f"{bucket}/"] for bucket in range(WHOLE)]
        names = versions_in(entries)
        told = [part.partition("|")[::2] for part in entries.get("routes", "").split(",") if part]
        routes = tuple(_route(value, header, entries, names) for value, header in told)
        if set(buckets) == {CLOSED}:
            weights = _weights(entries["split"])
            return Split(weights, routes, closed=True, cohort=cohort_in(entries, names, weights, closed=True))
        counts: dict[str, int] = {}
        for slot in buckets:
            counts[names[slot]] = counts.get(names[slot], 0) + 1
        weights = tuple(counts.items())
        return Split(weights, routes, cohort=cohort_in(entries, names, weights, closed=False))
    except (KeyError, ValueError) as error:
        raise AdapterError(f"HAProxy's map has entries that Pilotage did not write: {error!r}") from None


def versions_in(entries: Entries) -> dict[str, str]:
    """The version of each slot."""
    return {
        key.removeprefix("slot:"): unquote(value) for key, value in entries.items() if key.startswith("slot:")
    }  # fmt: skip


def owner_in(entries: Entries) -> str:
    """The service and environment that set the entries; empty if none did."""
    return unquote(entries.get("owner", ""))


def slots_for(versions: Iterable[str], entries: Entries, busy: Iterable[str]) -> Slots:
    """A new version takes the free slot after the one that was taken last, so that late lines of a log meet the version
    that they are of. busy: slots that still have servers. Raises AdapterError."""
    wanted = list(dict.fromkeys(versions))
    slots = {version: slot for slot, version in versions_in(entries).items() if version in wanted}
    last = entries.get("last", SLOTS[-1])
    routed = {value.removesuffix(TESTERS) for key, value in entries.items() if "|" in key or key.endswith("/")}
    for version in wanted:
        if version in slots:
            continue
        taken = {*slots.values(), *routed, *busy}
        after = SLOTS.index(last) + 1 if last in SLOTS else 0
        free = next((slot for slot in (*SLOTS[after:], *SLOTS[:after]) if slot not in taken), None)
        if free is None:
            raise AdapterError(f"{len(SLOTS)} versions at once are the most: wait until an old one has no instances")
        slots[version] = last = free
    return Slots(slots, last)


def text_of(entries: Entries) -> str:
    """The map file."""
    head = "# Written by Pilotage. HAProxy reads it when it starts; later changes reach it through its runtime API.\n"
    return head + "".join(f"{key} {value}\n" for key, value in entries.items())


def entries_in(text: str) -> dict[str, str]:
    """The entries of a map file."""
    rows = (row.split(" ", 1) for row in text.splitlines() if row and not row.startswith("#"))
    return {row[0]: row[1] for row in rows if len(row) == 2}


def refuse_header(split: Split, headers: Sequence[str], tenants: str = "") -> None:
    """Raise AdapterError where the configuration's lines look at no header of this name. tenants: that of cohorts."""
    refuse_tenants(split, tenants)
    known = {name.lower() for name in headers}
    for route in split.header_routes:
        if route.header.lower() not in known:
            raise AdapterError(
                f"HAProxy's lines do not look at the header {route.header}: add it to the router's headers, and "
                "replace the lines by those that `pilotage doctor` shows"
            )


def _key(route: HeaderRoute) -> str:
    return f"{_hex(route.value)}|{route.header.lower()}"


def _hex(value: str) -> str:
    """As HAProxy's converter writes it."""
    return value.encode().hex().upper()


def _route(value: str, header: str, entries: Entries, names: Mapping[str, str]) -> HeaderRoute:
    slot = entries[f"{value}|{header.lower()}"].removesuffix(TESTERS)
    return HeaderRoute(header, bytes.fromhex(value).decode(), names[slot])


def _weights(text: str) -> tuple[tuple[str, int], ...]:
    pairs = (part.rsplit(":", 1) for part in text.split(","))
    return tuple((unquote(version), int(weight)) for version, weight in pairs)
