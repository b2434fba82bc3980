"""Which releases later changes had to repair: reverts, and repairs that alter a release's own lines, as in `labels`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.change import Change, FileKind
from pilotage.risk.labels import Lines, is_repair, is_small, reverted_by


@dataclass(frozen=True, kw_only=True)
class Released:
    """commits: all that came out with it, merged ones too · until: Unix seconds; later repairs do not count."""

    name: str
    commits: frozenset[str]
    until: float


def repaired(
    changes: Iterable[Change], releases: Sequence[Released], merges: Collection[str] = ()
) -> Mapping[str, Change]:
    """The first repair of each release that needed one, by its name. changes: along first parents, oldest first, from
    the first change of the oldest release on; nothing of what came before is known, and nothing of it is blamed ·
    merges: those that bring repairs, whatever their own words say."""
    owner_of = {commit: one for one in releases for commit in one.commits}
    lines, numbers, owners = Lines({}), dict[str, int](), list[Released | None]()
    found: dict[str, Change] = {}
    for number, change in enumerate(changes):
        names = (change.commit, *change.parents[1:])
        owner = next((owner_of[name] for name in names if name in owner_of), None)
        owners.append(owner)
        numbers |= dict.fromkeys(names, number)
        code = [file for file in change.files if file.kind is FileKind.SOURCE]
        deleted = {one for file in code for one in lines.rewrite(file, number) if one >= 0}
        repairs = is_repair(change, code) or (change.commit in merges and is_small(code))
        accused = reverted_by(change, numbers) | (deleted if repairs else set())
        for one in accused:
            hit = owners[one]
            if hit is not None and hit is not owner and change.landed <= hit.until:
                found.setdefault(hit.name, change)
    return found
