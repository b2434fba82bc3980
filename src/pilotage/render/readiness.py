"""Readiness for people and for other programs: plain data and Markdown."""

from __future__ import annotations

from collections import Counter

from pilotage.model.json import JsonObject
from pilotage.model.readiness import Gate, GateStatus, Readiness
from pilotage.render.markdown import literal

SCHEMA = 1
"""Of a bundle's readiness."""

MARK = {GateStatus.READY: "✓", GateStatus.WAIVED: "~", GateStatus.NOT_READY: "✗", GateStatus.NOT_REQUIRED: "–"}


def headline(found: Readiness) -> str:
    """One line: whether it may start, how many gates are open, and how many are left to do."""
    counts = Counter(gate.standing for gate in found.gates)
    told = [f"{counts[GateStatus.READY]} of {len(found.gates)} ready"]
    told += [f"{counts[GateStatus.WAIVED]} waived"] * bool(counts[GateStatus.WAIVED])
    told += [f"{counts[GateStatus.NOT_REQUIRED]} not required"] * bool(counts[GateStatus.NOT_REQUIRED])
    told += [f"{counts[GateStatus.NOT_READY]} to do"] * bool(counts[GateStatus.NOT_READY])
    verdict = "ready" if found.ready else "not ready"
    return f"{found.service} {found.version} is {verdict} for {found.environment}: {', '.join(told)}"


def by_owner(found: Readiness) -> tuple[Gate, ...]:
    """What to do first, grouped by role; then the waived, ready and exempt items."""
    order = (GateStatus.NOT_READY, GateStatus.WAIVED, GateStatus.READY, GateStatus.NOT_REQUIRED)
    return tuple(sorted(found.gates, key=lambda gate: (order.index(gate.standing), gate.owner)))


def evidence(gate: Gate) -> str:
    """What was found. For an exempt gate, its reason."""
    if gate.standing is GateStatus.NOT_REQUIRED:
        return "–"
    return "; ".join(proof.sentence for proof in gate.proofs if proof.ready) or "–"


def to_dict(found: Readiness) -> JsonObject:
    """The form in a bundle: `ready`, `gates` with their proofs, `signatures`."""
    import msgspec

    plain: JsonObject = msgspec.to_builtins(found)
    return {"schema": SCHEMA, "ready": found.ready, **plain}


def to_markdown(found: Readiness) -> str:
    lines = [f"# {literal(headline(found))}", "", f"Plan `{found.plan}`.", ""]
    if found.artifact:
        lines += [f"Artifact `{found.artifact}`.", ""]
    lines += ["| | Item | Owner | Evidence | Reason | Next |", "|---|---|---|---|---|---|"]
    for gate in by_owner(found):
        cells = (MARK[gate.standing], gate.item, gate.owner, evidence(gate), gate.reason, gate.next)
        lines.append(f"| {' | '.join(map(literal, cells))} |")
    return "\n".join([*lines, ""])
