"""Which adapters are installed, and what each can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pilotage.adapters import registry
from pilotage.model.capabilities import Port, PortCapabilities
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.segment import Operator
from pilotage.model.traffic import WHOLE


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One line of `pilotage adapters`."""

    port: Port
    kind: str
    package: str
    """The distribution that it comes with."""
    summary: str
    """First line of what its section says of itself."""
    capabilities: PortCapabilities | None
    """None where the adapter cannot be imported."""


def installed() -> Iterator[Installed]:
    """Every adapter of every port, ours first. One that cannot be imported is listed without capabilities."""
    for port in Port:
        for kind in registry.kinds(port):
            adapter = registry.find(port, kind)
            doc = (adapter.section.__doc__ or "") if adapter else "import failed: see the log"
            yield Installed(
                port=port,
                kind=kind,
                package=registry.package_of(port, kind),
                summary=doc.strip().partition("\n")[0],
                capabilities=adapter.capabilities if adapter else None,
            )


_WORDS = {
    "closed": "maintenance page", "grpc": "gRPC statuses", "of_router": "reads router",
    "own_requests": "synthetic requests",
    "rehearse": "kill switch test", "sticky": "sticky users",
}  # fmt: skip
"""Capabilities whose name says too little."""


def in_words(capabilities: PortCapabilities | None) -> str:
    """Such as `weights in steps of 0.1%, mirror; without sticky users`."""
    if capabilities is None:
        return ""
    can, cannot = [], []
    for name, value in asdict(capabilities).items():
        words = _WORDS.get(name, name.replace("_", " "))
        match name, value:
            case _, True:
                can.append(words)
            case _, False:
                cannot.append(words)
            case "grain", _:
                can.append(f"weights in steps of {format_share(value / WHOLE)}")
            case "settle", _:
                can.append(f"settles in {value:g} s")
            case (("versions" | "most"), int(most)):
                can.extend([f"at most {most} {'versions' if name == 'versions' else 'instances'}"] if most else [])
            case "cohort", int(most):
                can.extend([f"cohorts of {most:,}"] if most else [])
                cannot.extend([] if most else ["cohorts"])
            case "period", float(seconds):
                can.extend([f"figures of {format_duration(seconds)}"] if seconds else [])
            case "late", float(seconds):
                can.extend([f"complete after {format_duration(seconds)}"] if seconds else [])
            case "interval", float(seconds):
                can.extend([f"read every {format_duration(seconds)} at most"] if seconds else [])
            case "operators", tuple(some):
                (can if some else cannot).append(_segments(some))
            case _, tuple(names):
                can.extend(names)
            case _, str(text):
                can.extend([f"{words} {text}"] if text else [])
    return "; ".join(filter(None, (", ".join(can), f"without {', '.join(cannot)}" if cannot else "")))


def _segments(operators: tuple[Operator, ...]) -> str:
    by = "" if set(operators) in (set(), set(Operator)) else f" by {', '.join(operators)}"
    return f"segments{by}"
