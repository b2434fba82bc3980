"""What hosts lack to start a version: one step on each, all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pilotage.adapters.hosts.host import Host, said_of
from pilotage.adapters.hosts.runner import Runner
from pilotage.adapters.hosts.together import Errand, wait_for
from pilotage.adapters.ports import AdapterError
from pilotage.model.finding import Finding

_WITHIN = 5.0
"""Seconds; a host that can be reached answers in a fraction of one."""
_EACH = 0.3
"""Seconds more for each host: this machine makes many connections at once, and each costs it a tenth of a second of
processor time."""
_SHOWN = 5

Hosts = Mapping[str, tuple[Host, Runner]]


def lacking(hosts: Hosts, version: str) -> str:
    """Why a version cannot be started, with the names of the hosts; empty where nothing speaks against it."""
    found = _asked({name: partial(runner.lacks, version) for name, (_, runner) in hosts.items()})
    by_reason: dict[str, list[str]] = {}
    for name, problem in found.items():
        if problem:
            by_reason.setdefault(problem.removeprefix(f"{name}: "), []).append(name)
    return "; ".join(f"{_named(names)}: {reason}" for reason, names in by_reason.items())


def examined(hosts: Hosts) -> Iterator[Finding]:
    """Whether each host can be reached."""
    found = _asked({name: partial(_reach, host) for name, (host, _) in hosts.items()})
    for name, problem in found.items():
        said = problem.removeprefix(f"{name}: ") or "can be reached"
        yield Finding("FAIL" if problem else "PASS", f"host {name}", said)


def _reach(host: Host) -> str:
    done = host.run(["true"], within=_WITHIN)
    return "" if done.status == 0 else f"`true` ends with status {done.status}: {done.said}"


def _asked(questions: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    errands = {name: Errand(question) for name, question in questions.items()}
    within = _WITHIN + _EACH * len(questions)
    wait_for(errands.values(), within)
    found: dict[str, str] = {}
    for name, errand in errands.items():
        try:
            found[name] = errand.result() if errand.is_done else f"does not answer within {within:.0f} s"
        except AdapterError as error:
            found[name] = said_of("", error)
    return found


def _named(names: list[str]) -> str:
    shown = [name for name in names if name][:_SHOWN]
    return f"{', '.join(shown)}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}" or "this machine"
