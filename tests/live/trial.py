"""One release of Datasette under the eyes of sixty users, on a machine kept busy: how it is set up and what came of it.

Everything that counts is counted as the users saw it, knowing nothing of the controller; from the controller come the
status, its reason, and when it was sure.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from pilotage.demo.traffic import VERSION_HEADER
from pilotage.model.record import Recorded, Rollout
from tests.datasette import NEW, OLD, command, write_library
from tests.e2e.conftest import Shop

from .crowd import Answer, Crowd
from .neighbour import neighbour

PLUGIN = Path(__file__).with_name("fault_plugin.py")
SETTLED = ("completed", "rolled-back", "failed", "withdrawn", "paused")
"""Statuses in which a rollout ends, or waits for a person."""
_AFTER = 4.0
"""Seconds for which the users are watched after that."""
_BEFORE = 4.0
"""Seconds for which the users have the old version alone."""
_SLACK = 60.0
"""Seconds for starts, drains and holds, beside the watches."""

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "404": {"kind": "404"},
    "500": {"kind": "500", "share": 0.2},
    "slow": {"kind": "slow", "share": 0.5, "seconds": 0.015},
    "leak": {"kind": "leak", "bytes": 500_000},
    "ill": {"kind": "ill", "share": 0.6, "seconds": 20.0},
}
"""What `fault_plugin` does: 404 for every book; 500 for a fifth of the books; half as long again and at least 15 ms;
500 kB more memory with each page; one instance that fails 60 % for 20 s."""

BOOKS = "/library/book"
ROUTES = [{"path": BOOKS}, {"path": "/library/author"}, {"path": "/-/versions.json"}]


@dataclass(frozen=True)
class Trial:
    """What is released how. fault: one of FAULTS, or none · phase: seconds for which each step is watched · ends:
    statuses of which one must come · names: what the reason must name · section, router, overrides: more of the
    environment."""

    name: str
    strategy: str = "canary"
    tolerance: str = "low"
    fault: str = ""
    phase: int = 10
    weights: tuple[str, ...] = ("10%", "25%", "50%", "100%")
    count: int = 2
    seed: int = 1
    ends: tuple[str, ...] = ("completed",)
    names: str = ""
    section: Mapping[str, Any] = field(default_factory=dict)
    router: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deadline(self) -> float:
        """Seconds: the watches, and slack for everything else."""
        watches = {"canary": len(self.weights) + 1, "blue-green": 1, "rolling": self.count + 1}[self.strategy]
        return 2 * watches * self.phase + _SLACK


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    requests, new: answers in all, and of the new version · lost: answers that were not as they should be and no fault
    of the new version's · hurt: users whom the new version failed · forward, back: the most often that one user went
    from the old version to the new, and back · sure: seconds from the new version's first answer to the verdict
    that it is harmful, bad luck apart · gone: seconds from that verdict to its last answer · tries: second tries ·
    seconds: of the rollout.
    """

    trial: str
    status: str
    reason: str
    requests: int
    new: int
    lost: int
    hurt: int
    forward: int
    back: int
    sure: float | None
    gone: float | None
    tries: int
    seconds: float
    told: tuple[str, ...] = ()

    def row(self) -> tuple[str, ...]:
        """As `table.HEADINGS` has it."""

        def seconds(value: float | None) -> str:
            return "–" if value is None else f"{value:.2f}"

        return (
            self.trial, self.status, f"{self.seconds:.0f}", f"{self.requests:,}", f"{self.new:,}", str(self.lost),
            str(self.hurt), f"{self.forward}/{self.back}", seconds(self.sure), seconds(self.gone), str(self.tries),
            self.reason or "–",
        )  # fmt: skip


def run(trial: Trial, directory: Path, environments: Path, *, keep: Path | None = None) -> Outcome:
    """Release NEW over OLD. keep: where the users' answers and the events are left for study."""
    with _library(trial, directory, environments) as library:
        library.run("deploy", OLD)
        notes = directory / "answers.jsonl"
        with (
            neighbour(trial.seed, trial.deadline + _SLACK),
            Crowd(library.url, VERSION_HEADER, notes, trial.seed) as crowd,
        ):
            time.sleep(_BEFORE)
            began = time.time()
            library.run("deploy", NEW, "--detach")
            rollout = _settled(library, trial.deadline)
            time.sleep(_AFTER)
            crowd.stop()
        store = library.store()
        events = store.events(rollout.id)
        store.close()
        outcome = _measured(trial, rollout, events, [a for a in crowd.answers() if a.at >= began])
        if keep:
            _keep(keep / trial.name.replace(" ", "-"), notes, library, outcome)
        if not rollout.state.status.final:
            library.run("abort", expect=None)
            library.wait(lambda r: r.state.status.final, deadline=60)
        return outcome


@contextmanager
def _library(trial: Trial, directory: Path, environments: Path) -> Iterator[Shop]:
    """A project with the old version, the new one with its fault, and nothing left of it afterwards."""
    shop = Shop(directory, {}, trial.tolerance, strategy=trial.strategy, count=trial.count)
    database, releases = directory / "library.db", directory / "releases"
    write_library(database)
    for version in (OLD, NEW):
        (releases / version).mkdir()
    if trial.fault:
        shutil.copy(PLUGIN, releases / NEW)
        (releases / NEW / "fault.json").write_text(json.dumps(FAULTS[trial.fault]))
    fleet = {
        "kind": "process",
        "command": command(environments, database, str(releases / "{version}")),
        "count": trial.count,
        "health_check_path": "/-/versions.json",
        "stop_timeout": "5s",
    }
    router = {**shop.section("router"), **trial.router}
    # Of what takes a day, this takes seconds; limits, looks and everything else are as the tolerance has them.
    shop.configure(fleet=fleet, router=router, overrides={**_quick(trial), **trial.overrides}, **trial.section)
    try:
        yield shop
    finally:
        shop.run("down", "--yes")
        assert shop.processes() == []


def _quick(trial: Trial) -> dict[str, Any]:
    watch = f"{trial.phase}s"
    own: dict[str, dict[str, Any]] = {
        "canary": {"weights": list(trial.weights), "phase_duration": watch, "bake_duration": watch},
        "blue-green": {"bake_duration": watch, "keep_duration": "5s"},
        "rolling": {"batch_size": 1, "wait_time_between_batches": watch, "bake_duration": watch},
    }
    prefix = trial.strategy.replace("-", "_")
    return {
        **{f"{prefix}.{name}": value for name, value in own[trial.strategy].items()},
        f"{prefix}.drain_duration": "1s",
        "analysis.warmup_duration": "5s",
        "analysis.min_requests": 30,
        "hold.timeout": "30s",
        "approval.required": False,
        "checks.required": False,
    }


def _settled(library: Shop, deadline: float) -> Rollout:
    """The rollout when it has ended or waits for a person, or at the deadline, wherever it is then."""
    until, store = time.monotonic() + deadline, library.store()
    try:
        while True:
            rollout = store.latest("shop", "production")
            assert rollout is not None
            ended = rollout.version == NEW and rollout.state.status.value in SETTLED
            if (ended and not getattr(rollout.state, "excuse", "")) or time.monotonic() > until:
                return rollout
            time.sleep(0.2)
    finally:
        store.close()


# ── what came of it ────────────────────────────────────────────────────────────────────────────────────────


def _measured(trial: Trial, rollout: Rollout, events: Sequence[Recorded], answers: Sequence[Answer]) -> Outcome:
    status = rollout.state.status.value
    new = [answer for answer in answers if answer.version == NEW]
    forward, back = moves(answers)
    sure = _sure(events)
    return Outcome(
        trial=trial.name,
        status=status,
        reason=rollout.state.reason,
        requests=len(answers),
        new=len(new),
        lost=sum(a.failed and (a.version != NEW or not trial.fault) for a in answers),
        hurt=len({a.user for a in new if a.failed}),
        forward=forward,
        back=back,
        sure=sure - new[0].at if sure is not None and new else None,
        gone=max(0.0, new[-1].at - sure) if sure is not None and new and "completed" not in trial.ends else None,
        tries=int(getattr(rollout.state, "tries", 0)),
        seconds=events[-1].at - rollout.created_at,
        told=tuple(f"{e.at - rollout.created_at:6.2f} {e.type}: {e.sentence}" for e in events),
    )


def _sure(events: Sequence[Recorded]) -> float | None:
    """When the judge was first sure of harm that was not taken for bad luck, Unix seconds."""
    tried = max((e.number for e in events if e.type == "retry-started"), default=0)
    failed = (
        e.at for e in events if e.type == "verdict-changed" and e.data.get("verdict") == "fail" and e.number > tried
    )
    return next(failed, None)


def moves(answers: Sequence[Answer]) -> tuple[int, int]:
    """The most often that one user went from the old version to the new one, and back."""
    seen: dict[int, list[str]] = defaultdict(list)
    for answer in answers:
        if answer.version:
            seen[answer.user].append(answer.version)
    changes = [[pair for pair in pairwise(versions) if pair[0] != pair[1]] for versions in seen.values()]
    most = [max((sum(to == version for _, to in each) for each in changes), default=0) for version in (NEW, OLD)]
    return most[0], most[1]


def _keep(folder: Path, notes: Path, library: Shop, outcome: Outcome) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(notes, folder / "answers.jsonl")
    (folder / "events.txt").write_text("\n".join(outcome.told) + "\n")
    (folder / "explain.txt").write_text(library.run("explain", expect=None))
    (folder / "pilotage.yaml").write_text((library.directory / "pilotage.yaml").read_text())
    log = library.state / "worker.log"
    if log.exists():
        shutil.copy(log, folder / "worker.log")
