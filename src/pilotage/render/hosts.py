"""Hosts as a table, sentences and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotage.adapters.hosts.facts import HostFacts
from pilotage.model.output.hosts import HostOutput, HostsOutput

TITLES = ("HOST", "LOGIN", "RUNS", "FREE", "CLOCK", "SYSTEM")


def row_of(one: HostFacts) -> tuple[str, ...]:
    """Of one that can be reached."""
    versions = ", ".join(f"{version} ×{count}" for version, count in sorted(one.versions.items()))
    return (
        _named(one), f"{one.login:.2f} s" if one.login is not None else "-", versions or "-", _size(one.disk),
        f"{one.clock:+z.1f} s" if one.clock is not None else "?", ", ".join((one.system, *one.runtimes)),
    )  # fmt: skip


def troubles(hosts: Sequence[HostFacts]) -> Iterator[str]:
    """One sentence for each thing that is wrong; the same one of several hosts once."""
    by_sentence: dict[str, list[str]] = {}
    for one in hosts:
        for sentence in (one.problem, *one.warnings) if one.problem else one.warnings:
            by_sentence.setdefault(sentence, []).append(_named(one))
    for sentence, names in by_sentence.items():
        yield sentence if names[0] in sentence else f"{', '.join(names)}: {sentence}"


def output_of(environment: str, hosts: Sequence[HostFacts]) -> HostsOutput:
    return HostsOutput(environment=environment, hosts=tuple(_output(one) for one in hosts))


def _output(one: HostFacts) -> HostOutput:
    return HostOutput(
        name=one.name, reachable=not one.problem, problem=one.problem, address=one.address,
        login_seconds=_rounded(one.login), system=one.system, user=one.user, runtimes=one.runtimes,
        versions=dict(one.versions), disk_free_bytes=one.disk, clock_seconds=_rounded(one.clock),
        warnings=one.warnings,
    )  # fmt: skip


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3) + 0.0


def _named(one: HostFacts) -> str:
    return one.name or "this machine"


def _size(bytes_: int | None) -> str:
    if bytes_ is None:
        return "?"
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.0f} MB"
