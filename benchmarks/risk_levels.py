"""What follows releases of each level: `python benchmarks/risk_levels.py CLONE…`.

Every version tag of the last ten years that is on the main line of a clone is a release: its changes are those since
the version before. It was followed by a repair if, within 30 days after its tag, a repair altered a line that one of
its changes had written (SZZ, as in benchmarks/risk.py), or reverted one of them. The table compares levels by the
probability alone with levels that also compare a release with the ten before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pilotage.adapters.git import Git
from pilotage.app.earlier_releases import MOST_CHANGES, MOST_RELEASES
from pilotage.model.risk import Horizon, RiskLevel, Standing
from pilotage.report.tags import versions_of
from pilotage.report.versions import Scheme
from pilotage.risk.labels import Labelled, label
from pilotage.risk.levels import Released, level_of, standing_of
from pilotage.risk.model import shipped

DAY = 86400
YEARS = 10
LONGEST = 20_000
"""Changes of a clone that are read, the newest."""


@dataclass(frozen=True)
class Release:
    repository: str
    tag: str
    at: float
    changes: int
    score: float
    repaired: bool


def releases_of(path: Path) -> list[Release]:
    git = Git(path)
    chain = git.run("rev-list", "--first-parent", f"--max-count={LONGEST + 1}", "HEAD").split()
    found = label(git.changes([f"{chain[-1]}..HEAD"] if len(chain) > LONGEST else ["HEAD"]))
    place = {one.measured.change.commit: n for n, one in enumerate(found)}
    tags = list(_tags(git, place))
    newest = found[-1].measured.change.at
    name = path.parent.name if path.name == "repo" else path.name
    return [
        Release(
            name,
            tag,
            at,
            here - before,
            _score(found[before + 1 : here + 1]),
            _repaired(found[before + 1 : here + 1], at),
        )
        for (_, before, _), (tag, here, at) in pairwise(tags)
        if newest - YEARS * 365 * DAY < at < newest - 30 * DAY
    ]


def _tags(git: Git, place: dict[str, int]) -> Iterator[tuple[str, int, float]]:
    """Final versions on the main line in its order: name, number of the change, time."""
    form = "--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(creatordate:unix)"
    rows = [line.split("\0") for line in git.run("for-each-ref", form, "refs/tags").splitlines()]
    finals = {
        tag.name
        for scheme in (Scheme.SEMVER, Scheme.PEP440)
        for tag in versions_of([r[0] for r in rows], scheme)
        if tag.final
    }
    found: dict[int, tuple[str, int, float]] = {}
    for name, identity, inner, at in rows:
        here = place.get(inner or identity)
        if here is not None and at and name in finals:
            found.setdefault(here, (name, here, float(at)))
    return iter([found[n] for n in sorted(found)])


def _score(changes: Sequence[Labelled]) -> float:
    left = 1.0
    for one in changes:
        left *= 1 - shipped().probability(one.measured, Horizon.DAYS_30)
    return 1 - left


def _repaired(changes: Sequence[Labelled], at: float) -> bool:
    times = (one.measured.change.at + min(one.repaired, one.reverted) * DAY for one in changes)
    return any(at <= when <= at + 30 * DAY for when in times)


def standing(release: Release, before: Sequence[Release]) -> Standing | None:
    """before: releases of the same repository, newest first."""
    compared, changes = list[Released](), 0
    for one in before[:MOST_RELEASES]:
        changes += one.changes
        if one.at < release.at - 2 * 365.25 * DAY or changes > MOST_CHANGES:
            break
        compared.append(Released(one.score, {}))
    return standing_of(release.score, compared, 0)


def table(rows: Sequence[tuple[RiskLevel, bool]], title: str) -> Iterator[str]:
    yield f"\n**{title}**\n\n| level | releases | followed by a repair within 30 days |\n|---|---|---|"
    for level in RiskLevel:
        mine = [bad for one, bad in rows if one is level]
        if mine:
            yield f"| {level} | {len(mine)} | {100 * sum(mine) / len(mine):.1f} % |"


def main() -> None:
    alone, compared = [], []
    for path in (Path(one) for one in sys.argv[1:] if one != "--rows"):
        mine = releases_of(path)
        for n, one in enumerate(mine):
            stands = standing(one, mine[:n][::-1])
            alone.append((level_of(one.score, None, ()), one.repaired))
            compared.append((level_of(one.score, stands, ()), one.repaired))
            if "--rows" in sys.argv:
                print(one.repository, one.tag, one.changes, round(one.score, 4), stands, one.repaired, sep="\t")
    print("\n".join(table(alone, "by the probability alone")))
    print("\n".join(table(compared, "compared with the releases before as well")))


if __name__ == "__main__":
    main()
