"""Many upgraded packages in few findings: a hundred lines about lock files hide the one that matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.dependencies import BEFORE_1, INDIRECT, MAJOR, READ_NOTES, WITHIN_MAJOR

_SINGLE = 3
"""So many versions that may break are listed one by one."""
_BREAKING = (MAJOR, BEFORE_1)


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The same finding of several lock files once, and more than three versions that may break as one finding."""
    findings = list(findings)
    merged = _placed(_merged(findings))
    majors = [one for one in merged if one.factor is RiskFactor.DEPENDENCIES and one.sentence.endswith(_BREAKING)]
    if len(majors) <= _SINGLE:
        return merged
    majors.sort(key=lambda one: (one.sentence.endswith(BEFORE_1), INDIRECT in one.sentence))
    steps = [one.sentence.removesuffix(MAJOR).removesuffix(BEFORE_1) for one in majors]
    minor = [one for one in merged if one.factor is RiskFactor.DEPENDENCIES and WITHIN_MAJOR in one.sentence]
    count = len(majors) + sum(_counted(one) for one in minor)
    kind = "a version that may break" if any(one.sentence.endswith(BEFORE_1) for one in majors) else "a major version"
    words = f"{count} packages upgraded, {len(majors)} of them by {kind}: {', '.join(steps[:_SINGLE])}"
    told = {one.sentence for one in majors}
    flood = replace(
        majors[0], sentence=f"{words} and {len(steps) - _SINGLE} more", mitigation=READ_NOTES, link="",
        place=_places([one.place for one in findings if one.sentence in told]),
    )  # fmt: skip
    left = [one for one in merged if one not in majors and one not in minor]
    return [*left, flood]


def _counted(minor: Finding) -> int:
    return int(minor.sentence.partition(WITHIN_MAJOR)[0].rpartition(" ")[2])


def _placed(findings: Sequence[Finding]) -> list[Finding]:
    """With the file in the sentence of each fact, where there are facts of several: a factor shows no places."""
    facts = [one for one in findings if one.factor is RiskFactor.DEPENDENCIES and not one.mitigation]
    if len({one.place for one in facts}) < 2:
        return list(findings)
    return [
        replace(one, sentence=f"{one.place}: {one.sentence}") if one in facts and one.place not in one.sentence else one
        for one in findings
    ]


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each sentence, with all of its places. What can do lasting harm is listed place by place."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for number, one in enumerate(findings):
        together = one.factor is RiskFactor.DEPENDENCIES or one.level.rank <= RiskLevel.MEDIUM.rank
        found.setdefault((one.factor, one.level, one.sentence, 0 if together else number), []).append(one)
    return [replace(same[0], place=_places([one.place for one in same])) for same in found.values()]


def _places(places: Sequence[str]) -> str:
    several = list(dict.fromkeys(places))
    return several[0] if len(several) == 1 else f"{several[0]} and {len(several) - 1} more"
