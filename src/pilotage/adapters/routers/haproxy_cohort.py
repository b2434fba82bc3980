"""A cohort among the entries of HAProxy's map: the bucket of everybody else, and an entry for each member.

| key | value |
|---|---|
| `HEX:cohort` | the slot of the cohort's version; HEX is a member |
| `0:others` … `999:others` | the slot of a bucket of users who are no members |
| `cohort` | slot, size and digest of the cohort, and its header |

Members are counted and hashed again whenever the map is read, so the digest is that of the entries that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pilotage.adapters.cohorts import members_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.traffic import WHOLE, Cohort, Split
from pilotage.model.wave import digest_of

MOST = 10_000
"""Members of a cohort: the whole map is read at every look."""
MEMBER, OTHERS = ":cohort", ":others"
_TOLD = "cohort"


def cohort_entries(split: Split, slots: Mapping[str, str]) -> dict[str, str]:
    """Of a split with a cohort; nobody is led while it is closed. Raises AdapterError."""
    cohort = split.cohort
    if cohort is None:
        return {}
    slot, members = slots[cohort.version], members_of(cohort, MOST)
    entries = {_TOLD: f"{slot}|{cohort.size}|{cohort.digest}|{cohort.header}"}
    if split.closed:
        return entries
    entries |= {f"{member.encode().hex().upper()}{MEMBER}": slot for member in members}
    return entries | dict(_others(split.weights, cohort.version, slots))


def cohort_in(
    entries: Mapping[str, str], names: Mapping[str, str], weights: tuple[tuple[str, int], ...], *, closed: bool
) -> Cohort | None:
    """names: the version of each slot. Raises ValueError, KeyError where somebody else changed the entries."""
    leading = {key: slot for key, slot in entries.items() if key.endswith((MEMBER, OTHERS))}
    if _TOLD not in entries:
        if leading:
            raise ValueError("members without a cohort")
        return None
    slot, size, digest, header = entries[_TOLD].split("|", 3)
    told = Cohort(header=header, version=names[slot], digest=digest, size=int(size))
    if closed:
        return told
    members = [key.removesuffix(MEMBER) for key in leading if key.endswith(MEMBER)]
    slots = {version: one for one, version in names.items()}
    wanted = {f"{member}{MEMBER}": slot for member in members} | dict(_others(weights, told.version, slots))
    if leading != wanted:
        raise ValueError("members, or everybody else, are led elsewhere")
    found = [bytes.fromhex(member).decode() for member in members]
    return Cohort(header=header, version=told.version, digest=digest_of(found), size=len(found))


def refuse_tenants(split: Split, header: str) -> None:
    """Raise AdapterError where the configuration's lines look at another header for tenants. header: empty for none."""
    if split.cohort and split.cohort.header.lower() != header.lower():
        raise AdapterError(
            f"HAProxy's lines know no tenants by the header {split.cohort.header}: set the router's tenant_header to "
            "it, and replace the lines by those that `pilotage doctor` shows"
        )


def _others(weights: tuple[tuple[str, int], ...], version: str, slots: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The other versions in proportion, over all buckets."""
    order = [slots[name] for name, weight in weights if name != version for _ in range(weight)]
    for bucket in range(WHOLE):
        yield f"{bucket}{OTHERS}", order[bucket * len(order) // WHOLE]
