"""Judges a service's critical functions by its probes: does the new version fail where stable passes?

Both versions are probed in the same rounds. What fails on both is not the release's fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from pilotage.model.json import JsonObject, entries, object_at, read_as, whole_at
from pilotage.model.observation import ProbeResult, Verdict, VerdictKind
from pilotage.model.probe import PROBE, Probe


@dataclass(frozen=True)
class _Run:
    """The newest results of one instance.

    failed: so many in a row, 0 when the last one passed · times: of the newest of these, as many as fail a version ·
    failed_at: of the last failure, 0 before any · detail, at: of the last result. Times are Unix seconds.
    """

    version: str
    failed: int
    times: tuple[float, ...]
    failed_at: float
    detail: str
    at: float

    def since(self, at: float) -> int:
        """Failures in a row after this time, as far as `times` goes."""
        return sum(time > at for time in self.times)


class ProbeBook:
    """Streaming: `record` each result, `verdicts` after each look."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._probes = {probe.name: probe for probe in probes}
        self._runs: dict[str, dict[str, _Run]] = {name: {} for name in self._probes}
        self._seen: dict[str, int] = {}

    def begin_phase(self) -> None:
        """A step started: only its own results can pass it. Consecutive failures continue counting."""
        self._seen.clear()

    def begin_again(self) -> None:
        """Forget every result: after a second try began, or an instance was replaced."""
        self._seen.clear()
        self._runs = {name: {} for name in self._probes}

    def record(self, result: ProbeResult) -> None:
        """Take in one result. One of a probe that is not known is left out."""
        if result.probe not in self._probes:
            return
        runs, key = self._runs[result.probe], f"{result.version} {result.instance}"
        before, most = runs.get(key), self._probes[result.probe].failures
        failed, times, failed_at = (before.failed, before.times, before.failed_at) if before else (0, (), 0.0)
        if result.passed:
            failed, times = 0, ()
        else:
            failed, times, failed_at = failed + 1, (*times, result.at)[-most:], result.at
        runs[key] = _Run(result.version, failed, times, failed_at, result.detail, result.at)
        seen = f"{result.probe} {result.version}"
        self._seen[seen] = self._seen.get(seen, 0) + 1

    def verdicts(self, new: str) -> tuple[Verdict, ...]:
        """One verdict a probe, on the version `new`; every other version counts as stable."""
        return tuple(self._verdict(probe, new) for probe in self._probes.values())

    def _verdict(self, probe: Probe, new: str) -> Verdict:
        metric, samples = f"{PROBE}{probe.name}", self._seen.get(f"{probe.name} {new}", 0)
        mine, others = self._newest_round(probe, new)
        excused = _failing_until(others)
        worst = max(mine, key=lambda at: (mine[at].since(excused), mine[at].failed), default="")
        verdict = Verdict(metric, VerdictKind.PASS, "", samples=samples, canary="passes", stable=_stand(others))
        if not worst or mine[worst].failed < probe.failures:
            if not samples:
                sentence = "no result at this step yet"
                return replace(verdict, kind=VerdictKind.INSUFFICIENT_DATA, sentence=sentence, canary="")
            failing = worst and mine[worst].failed
            kind = VerdictKind.INCONCLUSIVE if failing else VerdictKind.PASS
            return replace(verdict, kind=kind, sentence=_calm(probe, worst, mine))
        what = _what(mine, worst, probe)
        verdict = replace(verdict, canary="fails", instance=worst)
        if mine[worst].since(excused) < probe.failures:
            both = "both versions fail" if verdict.stable == "fails" else "stable failed in these rounds too"
            return replace(
                verdict, kind=VerdictKind.SOURCE_ERROR, sentence=f"{what}; {both}: the release is not the cause"
            )
        beside = "stable passes" if others else "there is no stable version to compare with"
        return replace(verdict, kind=VerdictKind.FAIL, sentence=f"{what}; {beside}", critical=True)

    def _newest_round(self, probe: Probe, new: str) -> tuple[dict[str, _Run], dict[str, _Run]]:
        """The instances of the new version's newest round, and those of other versions in the same round, by address.
        One that was not probed since has stopped or is unhealthy: its last result is outdated."""
        runs = self._runs[probe.name]
        newest = max((run.at for run in runs.values() if run.version == new), default=0.0)
        there = {key: run for key, run in runs.items() if abs(run.at - newest) < probe.every + probe.timeout}
        mine = {key.rpartition(" ")[2]: run for key, run in there.items() if run.version == new}
        others = {key.rpartition(" ")[2]: run for key, run in there.items() if run.version != new}
        return mine, others

    def to_dict(self) -> JsonObject:
        runs = {name: {key: asdict(run) for key, run in runs.items()} for name, runs in self._runs.items()}
        return {"runs": runs, "seen": dict(self._seen)}

    def restore(self, saved: JsonObject) -> None:
        """Continue from what `to_dict` gave; probes that are not configured any more are left out."""
        known = entries(object_at, saved, "runs")
        self._runs = {
            name: {key: read_as(_Run, run) for key, run in known.get(name, {}).items()} for name in self._probes
        }
        self._seen = entries(whole_at, saved, "seen")


def _stand(others: Mapping[str, _Run]) -> str:
    """Stable passes if most of its instances passed their last try: one failing instance excuses nothing."""
    if not others:
        return ""
    return "passes" if sum(run.failed == 0 for run in others.values()) * 2 > len(others) else "fails"


def _failing_until(others: Mapping[str, _Run]) -> float:
    """When half of stable's instances failed last. What fails at the new version up to then may be a dependency that
    both have, and instances get over its failure one after the other."""
    failed_at = sorted((run.failed_at for run in others.values()), reverse=True)
    return failed_at[(len(failed_at) - 1) // 2] if failed_at else 0.0


def _what(mine: Mapping[str, _Run], worst: str, probe: Probe) -> str:
    run = mine[worst]
    often = "once" if run.failed == 1 else f"{run.failed} times in a row"
    several = f" ({sum(r.failed >= probe.failures for r in mine.values())} of {len(mine)} instances fail)"
    return f"{often} {run.detail} at {worst}{several if len(mine) > 1 else ''}"


def _calm(probe: Probe, worst: str, mine: Mapping[str, _Run]) -> str:
    failed = mine[worst].failed if worst else 0
    if not failed:
        return f"passes at {len(mine)} instance{'' if len(mine) == 1 else 's'}"
    return f"{mine[worst].detail} at {worst}, {failed} of the {probe.failures} times consecutive failures that fail it"
