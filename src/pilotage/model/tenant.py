"""The tenants of an environment: names, what they are grouped by, and how they are reached."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pilotage.model.errors import Invalid
from pilotage.model.json import Json

MOST = 100_000
LONGEST = 256
_NAME = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
"""What every router carries in a header."""
_CONTACT = re.compile(r"[^@\s<>,;\"\x00-\x1f\x7f]{1,64}@[^@\s<>,;\"\x00-\x1f\x7f]{1,255}")
"""One address: a comma would make two of it in the header of a mail."""
_HEAVIEST = 1e12
"""So that shares of all weights together can be computed."""
_KNOWN = ("name", "weight", "contact")


class BadTenants(Invalid):
    """The list of tenants is wrong. The message says where, what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """name: the value of the request's header · attributes: such as region · contact: a mail address, or empty ·
    weight: how many users or requests it has compared with others, in any unit."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    contact: str = ""
    weight: float = 1.0


def wrong_name(name: str) -> str:
    """Why no router could send a tenant of this name anywhere; empty where it can."""
    if len(name.encode()) > LONGEST:
        return f"the name of the tenant has {len(name.encode()):,} bytes: use at most {LONGEST}"
    if not _NAME.fullmatch(name):
        return f"{name[:60]!r} cannot be the value of a header: use printable ASCII without a space at either end"
    return ""


def tenant_of(row: Mapping[str, Json], where: str) -> Tenant:
    """The tenant of one row. Every other key is an attribute. where: its place, for errors. Raises BadTenants."""
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise BadTenants(f"{where}: name is missing: write the value that its requests have in the header")
    if wrong := wrong_name(name):
        raise BadTenants(f"{where}: {wrong}")
    contact = row.get("contact") or ""
    if not isinstance(contact, str) or (contact and not _CONTACT.fullmatch(contact)):
        raise BadTenants(f"{where}: contact of {name} is {str(contact)[:60]!r}, not a mail address")
    attributes = {key: _text(value) for key, value in row.items() if key not in _KNOWN and value not in (None, "")}
    return Tenant(name=name, attributes=attributes, contact=contact, weight=_weight(row.get("weight"), name, where))


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _weight(written: Json, name: str, where: str) -> float:
    if written in (None, ""):
        return 1.0
    try:
        found = float(str(written))
    except ValueError:
        found = math.nan
    if isinstance(written, bool) or not 0 <= found <= _HEAVIEST:
        raise BadTenants(
            f"{where}: weight of {name} is {str(written)[:60]!r}, not a number between 0 and {_HEAVIEST:.0e}"
        )
    return found
