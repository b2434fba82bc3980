"""For each metric that fails or cannot be judged: what changed, what to look at, and what to type (R19). Pure.

One table for the metrics that Pilotage judges itself; a probe, a rule or a signal of one's own gets what holds for all.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.events import RollbackStarted, TrafficWithdrawn
from pilotage.model.live import SeenVerdict
from pilotage.model.observation import VerdictKind
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Status
from pilotage.model.wording import called, counted


@dataclass(frozen=True, kw_only=True)
class SourceChange:
    """What git knows of the versions. range: such as `v1.0..v1.1` · commits: how many · files: paths that changed."""

    range: str
    commits: int
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """metric: as its verdict names it · changed: in figures, and in the files of this version · look: sentences · type:
    commands."""

    metric: str
    changed: tuple[str, ...]
    look: tuple[str, ...]
    type: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """As `explain` shows it."""
        return (
            called(self.metric),
            *(f"• changed: {words}" for words in self.changed),
            *(f"• look at: {words}" for words in self.look),
            *(f"  type: {command}" for command in self.type),
        )


@dataclass(frozen=True)
class _Hint:
    """look: where causes are found · names: parts of names of files that such causes are often in."""

    look: tuple[str, ...]
    names: tuple[str, ...] = ()


_DEPENDENCIES = (
    "requirements", "pyproject.toml", "package.json", "package-lock", "yarn.lock", "go.mod", "go.sum", "cargo.",
    "pom.xml", "build.gradle", "gemfile", "uv.lock", "poetry.lock", "composer.",
)  # fmt: skip
_DATABASE = ("migration", "schema", ".sql", "alembic", "models")
_SETTINGS = ("config", "settings", ".env", "deployment", "dockerfile", "helm", ".yaml", ".yml", ".toml")

_HINTS: Mapping[str, _Hint] = {
    "error rate": _Hint(
        ("the routes and status codes above, and the first exception in the log of the new version",
         "what the new version needs and the old one did not: a setting, a table, a permission, another service"),
        (*_SETTINGS, *_DATABASE, *_DEPENDENCIES),
    ),
    "client errors": _Hint(
        ("which pages answer with 4xx: a renamed route, a file that was not packed, a login that a page now requires",),
        ("route", "url", "auth", *_SETTINGS),
    ),
    "canary_health_score": _Hint(
        ("the health check of the instance that is not ready, and its log: what it waits for at its start",),
        (*_SETTINGS, *_DATABASE),
    ),
    "slow requests": _Hint(
        ("the slow routes: queries without an index, calls one after another, a cache that is empty at the start",),
        (*_DATABASE, "cache", "query", "client", *_DEPENDENCIES),
    ),
    "memory": _Hint(
        ("what is kept from one request to the next: caches without a limit, listeners, open files",
         "whether it still grows: a constant difference may be a larger cache that is meant"),
        ("cache", "pool", *_DEPENDENCIES),
    ),
    "cpu": _Hint(
        ("loops over more data than before, parsing, compression and logging on each request",),
        ("logging", "parse", *_DEPENDENCIES),
    ),
    "database_connection_pool": _Hint(
        ("connections that are not given back after an error, transactions that stay open, and the size of the pool",),
        (*_DATABASE, "pool", "session", *_SETTINGS),
    ),
    "external_service_latency": _Hint(
        ("the status of the other service, and whether the new version calls it more often or without a time limit",),
        ("client", "api", "http", *_SETTINGS),
    ),
    "user_session_health": _Hint(
        ("whether sessions and cookies of the old version are read by the new one, and the secrets that sign them",),
        ("session", "auth", "login", "cookie", *_SETTINGS),
    ),
    "business_conversion_rate": _Hint(
        ("the steps before the purchase, with the eyes of a user: on a phone, signed out, with an empty basket",),
        ("checkout", "basket", "cart", "payment", "template", ".css", ".js", ".html"),
    ),
    "user_satisfaction": _Hint(("the comments that came with the low ratings",)),
    "complaints": _Hint(("what users report, in their own words: confirm it or dismiss it",)),
    "alerts": _Hint(("the alert in Alertmanager, and whether it began before this rollout",)),
    "success_rate": _Hint(("both versions: if the old one fails alike, the cause is around the service",)),
    "alert rules": _Hint(("whether Prometheus reads the rules' folder and reloads it",)),
}  # fmt: skip
_PROBE = _Hint(("the answer that the probe got, and the log of the instance at that time",), (*_SETTINGS, *_DATABASE))
_OTHER = _Hint(("its query: the same figure of the old version, and of the hours before the rollout",))
_FIRST_FILES = 3


def remedies(
    rollout: Rollout, events: Sequence[Recorded], verdicts: Sequence[SeenVerdict], logs: Sequence[str] = (),
    source: SourceChange | None = None,
) -> tuple[Remedy, ...]:  # fmt: skip
    """One for each metric that fails, or that a hold waits for; the one that decided comes first."""
    decisive = _decisive(events)
    waits = rollout.state.status is Status.HOLDING
    found = [
        one for one in verdicts
        if one.kind in (VerdictKind.FAIL, VerdictKind.SOURCE_ERROR)
        or (waits and one.kind in (VerdictKind.INCONCLUSIVE, VerdictKind.INSUFFICIENT_DATA))
    ]  # fmt: skip
    known = {one.metric for one in verdicts}
    if decisive in _HINTS and decisive not in known:
        found.append(SeenVerdict(metric=decisive, kind=VerdictKind.FAIL, sentence=rollout.state.reason))
    found.sort(key=lambda one: one.metric != decisive)
    return tuple(_remedy(rollout, one, logs, source) for one in found)


def _decisive(events: Sequence[Recorded]) -> str:
    for event in reversed(events):
        if isinstance(event.what, RollbackStarted | TrafficWithdrawn):
            return str(event.what.cause)
    return ""


def _remedy(rollout: Rollout, verdict: SeenVerdict, logs: Sequence[str], source: SourceChange | None) -> Remedy:
    figures = (_figures(rollout, verdict),)
    match verdict.kind:
        case VerdictKind.SOURCE_ERROR:
            look = ("whether the source of the figures answers: the release is not judged by it",)
            return Remedy(metric=verdict.metric, changed=figures, look=look, type=("pilotage doctor",))
        case VerdictKind.INSUFFICIENT_DATA:
            look = ("whether users reach the new version at all; a service with few users needs `synthetic` requests",)
            enough = (f"pilotage status -e {rollout.environment}", "pilotage docs environments.synthetic")
            return Remedy(metric=verdict.metric, changed=figures, look=look, type=enough)
    hint = _HINTS.get(verdict.metric, _PROBE if verdict.metric.startswith("probe ") else _OTHER)
    commands = tuple(_commands(rollout, verdict, logs, source))
    return Remedy(metric=verdict.metric, changed=(*figures, *_files(hint, source)), look=hint.look, type=commands)


def _figures(rollout: Rollout, verdict: SeenVerdict) -> str:
    if verdict.canary in ("", "–") or verdict.stable in ("", "–") or not rollout.old:
        return verdict.sentence
    ratio = f" ({verdict.ratio:.3g}×)" if verdict.ratio is not None else ""
    if verdict.compares_a_flag:
        return f"{verdict.stable} with the flag off, {verdict.canary} with it on{ratio}"
    return f"{verdict.stable} on {rollout.old}, {verdict.canary} on {rollout.version}{ratio}"


def _files(hint: _Hint, source: SourceChange | None) -> Iterator[str]:
    """The files of this version that such a cause is often in."""
    if source is None:
        return
    likely = [path for path in source.files if any(name in path.lower() for name in hint.names)]
    shown = ", ".join(likely[:_FIRST_FILES])
    more = f" and {len(likely) - _FIRST_FILES} more" if len(likely) > _FIRST_FILES else ""
    files, commits = len(source.files), source.commits
    of = f"{counted(files, 'file')} in {counted(commits, 'commit')}"
    yield f"{of}{f', among them {shown}{more}' if likely else ''}"


def _commands(
    rollout: Rollout, verdict: SeenVerdict, logs: Sequence[str], source: SourceChange | None
) -> Iterator[str]:  # fmt: skip
    if verdict.metric == "complaints":
        yield "pilotage harm list"
    if verdict.metric == "user_satisfaction":
        yield f"pilotage report {shlex.quote(rollout.version)}"
    if verdict.metric == "alert rules":
        yield "pilotage doctor"
    if verdict.metric == "alerts":
        yield "pilotage alerts test"
    if logs and verdict.metric not in ("complaints", "user_satisfaction", "alerts", "alert rules"):
        yield f"grep -inE 'error|exception|timeout' {shlex.quote(logs[-1])} | tail"
    if source is not None:
        yield f"git log --oneline {shlex.quote(source.range)}"
    if rollout.state.status.final:
        yield f"pilotage incident {rollout.id}"
    else:
        yield f"pilotage abort -e {rollout.environment}"
