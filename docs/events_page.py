"""Makes docs/reference/events.md from the classes of `pilotage.model.events`: `python docs/events_page.py`."""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from dataclasses import MISSING, fields
from pathlib import Path

from pilotage.model import events as ev
from pilotage.model import way_events as we
from pilotage.model.event_names import RENAMED_EVENTS, RENAMED_FIELDS
from pilotage.model.observation import VerdictKind
from pilotage.model.rollout import CommandKind, HoldCause, Mode

PAGE = Path(__file__).parent / "reference" / "events.md"
PLAN = "9f2c…"
WHERE = "on 2.4.0: web-3 (healthy); on 2.3.9: web-1 (healthy), web-2 (healthy)"
WORSE = "error rate: 4.8 % against 0.1 %"

EXAMPLES: tuple[ev.Occurrence, ...] = (
    ev.RolloutQueued(version="2.4.0", environment="production", actor="ada"),
    ev.RolloutStarted(
        plan_hash=PLAN, mode=Mode.FULL, version="2.4.0", stable_version="2.3.9", environment="production", actor="ada"
    ),
    ev.TraceContinued(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7"),
    ev.PromotedFrom(version="2.4.0", source="staging", rollout="01hf6m", completed="2026-11-24T09:30:00Z"),
    ev.ArtifactsNamed(version="2.4.0", digests={"dist/shop": PLAN}, commit="4f2a91c0d5e6" + "0" * 28),
    ev.ReadinessChecked(waivers={"load-test": "waived by grace: no load changes"}, artifact="", gate_count=21),
    ev.ReadinessNotEnforced(items=("unit_test_coverage", "security_scan_passing")),
    ev.ChecksLeftOut(unconfigured=("check-caches",), waived={"check-data": "waived by grace: no data changes"}),
    ev.StepStarted(
        step="weight-25%", finished_step="scale-25%", weight_percent=25.0, title="send 25% of requests to the canary"
    ),
    ev.CheckSkipped(step="check-smoke", title="smoke tests on the preview"),
    ev.BatchHealthy(step="batch-1", instances=WHERE),
    ev.VerdictChanged(metric="error rate", verdict=VerdictKind.SOURCE_ERROR, reason="Prometheus does not answer"),
    ev.HoldStarted(
        cause=HoldCause.CANARY_UNHEALTHY,
        weight_percent=25.0,
        reason="1 of 2 instances of 2.4.0 are healthy",
        on_timeout="rollback",
        timeout_seconds=30.0,
    ),
    ev.HoldEnded(cause=HoldCause.CANARY_UNHEALTHY),
    ev.Paused(actor="ada", reason="the database is slow"),
    ev.Resumed(actor="ada"),
    ev.StepRestarted(actor="ada", reason="the load balancer was restarted"),
    ev.Promoted(actor="ada", reason="checked by hand"),
    ev.ApprovalReminded(
        title="approval to go to production",
        approvals=0,
        approvals_required=1,
        waited_seconds=14400,
        timeout_seconds=86400,
    ),
    ev.Approved(plan_hash=PLAN, actor="grace", title="approval to send 5%", approvals=1, approvals_required=2),
    ev.CommandRefused(
        command=CommandKind.APPROVE, actor="ada", reason="ada started this rollout, so another person must approve it"
    ),
    ev.CommandRun(actor="ada", host="web1", instance="2.4.0-3", command="bin/rails runner 'Order.count'"),
    ev.InstanceExited(instance="web-2.4.0-1", log_tail="MemoryError"),
    ev.TrafficDiverted(version="2.4.0", weight_percent=25.0),
    ev.TrafficResumed(version="2.4.0", weight_percent=25.0),
    ev.TrafficWithdrawn(cause="error rate", step="analyse-25%", version="2.4.0", reason=WORSE, timeout_seconds=1800),
    ev.InstanceReplaced(instance="127.0.0.1:4100", reason="error rate: 40 % on one instance"),
    ev.RetryStarted(restarts=1, step="analyse-25%", title="analyse at 25% for 4h", failed_metrics="error rate"),
    ev.AnalysisIncomplete(
        step="bake", title="bake at 100% for 1h", reason="error rate: 12 of the 100 requests that this step needs"
    ),
    ev.RegressionAccepted(regressions="slow requests: 3 % against 1 % last week"),
    ev.InterventionRequired(
        cause="error rate", step="analyse-25%", reason=f"{WORSE}; this release does not roll back automatically"
    ),
    ev.RollbackStarted(cause="error rate", step="analyse-25%", reason=WORSE),
    ev.TrafficRestored(outcome="the router confirms that all requests go to 2.3.9 again"),
    ev.BatchRolledBack(instances=WHERE),
    ev.RollbackStepCompleted(number=1, title="the router confirms that the service is closed"),
    ev.EnvironmentKept(version="2.4.0"),
    ev.Completed(step="retire", version="2.4.0"),
    ev.RolledBack(version="2.4.0", outcome="2.3.9 serves all requests again; 2.4.0 has stopped", reason=WORSE),
    ev.Failed(version="2.4.0", reason=f"{WORSE}; the rollback is not complete: 2.4.0 is still running"),
    ev.RolloutCancelled(version="2.4.0", actor="ada"),
    ev.EnvironmentRemoved(version="2.4.0", actor="ada"),
    ev.StabilityConfirmed(version="2.3.9", seconds=1800.0, requests=41_200, errors=3, probes=90),
    ev.StabilityLost(version="2.3.9", reason="error rate: 6.1 % of 2,040 requests"),
    ev.RecordsWentBack(
        rollout="shop-2.4.1-0c5d",
        head="9f2c" * 16,
        reason="the store went back in time: shop-2.4.1-0c5d, which was completed, is missing",
    ),
    ev.RecordsAccepted(head="9f2c" * 16, actor="ada", reason="restored after the disk failed"),
)
"""One of each type, in the order of the page."""

WAY_EXAMPLES: tuple[ev.Occurrence, ...] = (
    we.WayStarted(version="2.5.0", actor="ada", commit="4f2a91c0d5e6" + "0" * 28, stages=("build", "production")),
    we.StageStarted(stage="build"),
    we.StageWaits(stage="production", wait="freeze", reason="the freeze 'winter' is active until 2027-01-02 08:00 CET"),
    we.StageApproved(stage="production", actor="grace", approvals=1, approvals_required=1),
    we.StagePromoted(stage="production", actor="ada"),
    we.RolloutRequested(stage="regions", environment="eu"),
    we.StageRetried(stage="e2e", attempt=2, reason="3 of 120 tests failed"),
    we.StageCutOff(stage="e2e", attempt=1, reason="the machine was restarted"),
    we.StagePassed(stage="build", seconds=214.0, artifacts=(PLAN,)),
    we.StageFailed(stage="e2e", reason="3 of 120 tests failed", undone=("staging",)),
    we.WayHeld(actor="ada", reason="the database is slow"),
    we.WayResumed(actor="ada"),
    we.WayCommandRefused(
        command="approve", actor="ada", reason="ada started this way: somebody else has to approve it"
    ),
    we.AbortRequested(actor="ada", reason="wrong commit", stage="e2e", undone=("staging",)),
    we.WayCompleted(version="2.5.0", seconds=5_400.0),
    we.WayFailed(version="2.5.0", reason="e2e failed: 3 of 120 tests failed"),
    we.WayAborted(version="2.5.0", reason="aborted by ada: wrong commit"),
)
"""The same of a way."""

_OPENING = """# Events

Everything that happens to a rollout is an event. Read them with `pilotage events`, receive them
[in your channels](../guides/notifications.md), or take them from [`pilotage events --json`](json.md).

Each event has a type, a sentence for people, and data for programs. Types and fields are stable: later versions add
some, and list what they rename under [earlier names](#earlier-names).
`pilotage schema events` prints the JSON Schema.

- **Severity.** A message has the severity of its event. A *critical* event pages: it opens the incident of its rollout.
- **Optional fields.** A field in *italics* is omitted if it has its default value.
- **Seals.** The data may have a key `sealed`, which protects related records
  ([integrity](../explanation/integrity.md#event-chains)).
- **Earlier versions.** A stored event never changes, because its hash covers type and data. Pilotage shows and sends
  events of earlier versions under today's names. They may lack fields that were added later, so the schema
  requires none.
"""


_USUAL = {
    "version": "The new version.", "environment": "Name of the environment.", "actor": "Who did it.",
    "step": "Id of the step.", "title": "Title of the step.", "reason": "Why.", "metric": "Name of the metric.",
    "verdict": "What the judge says of it.", "mode": "How carefully it proceeds.", "cause": "Why it holds.",
    "approvals": "Approvals so far.", "approvals_required": "Approvals that the step needs.",
    "stage": "Name of the stage.", "attempt": "Number of the attempt, from 1.", "seconds": "How long it took.",
    "undone": "Environments that return to the version before.", "left": "What could not be undone.",
    "commit": "Full id in git.", "stages": "Names of the stages.", "artifacts": "SHA-256 of each artifact.",
    "command": "The command.", "instance": "Id of the instance.", "outcome": "What the router confirms.",
}  # fmt: skip
"""What fields of these names mean in every event whose class says nothing else."""


def page() -> str:
    sections = (_section(example) for example in (*EXAMPLES, *WAY_EXAMPLES))
    return "\n".join((_OPENING, _overview(EXAMPLES), _OF_WAYS, _overview(WAY_EXAMPLES), *sections, _earlier()))


_OF_WAYS = """The way of a release has events of its own, which `pilotage way events` lists. The rollouts that it starts
have theirs beside them.
"""


def _overview(examples: tuple[ev.Occurrence, ...]) -> str:
    rows = [f"| [`{e.type}`](#{e.type}) | {type(e).usual_severity} | {_first(type(e))} |" for e in examples]
    return "\n".join(("| type | severity | when |", "|---|---|---|", *rows)) + "\n"


def _earlier() -> str:
    rows = [f"| `{earlier}` | [`{today}`](#{today}) |" for earlier, today in RENAMED_EVENTS.items()]
    fields_ = [
        f"| `{type_}` | {', '.join(f'`{a}` → `{b}`' for a, b in names.items())} |"
        for type_, names in RENAMED_FIELDS.items()
    ]
    return "\n".join(
        (
            "## Earlier names", "", "| was | is |", "|---|---|", *rows, "",
            "Weights were whole numbers per mille. Now they are percentages.", "",
            "| type | fields that were renamed |", "|---|---|", *fields_,
        )
    ) + "\n"  # fmt: skip


def _section(example: ev.Occurrence) -> str:
    kind = type(example)
    said = _words_under_fields(kind)
    hints = typing.get_type_hints(kind)
    lines = [f"## {kind.type}", "", _whole(kind), "", f"> {example.sentence}", ""]
    if fields(kind):
        lines += ["| field | type | what |", "|---|---|---|"]
    for field in fields(kind):
        name = f"`{field.name}`" if field.default is MISSING else f"*`{field.name}`*"
        lines.append(f"| {name} | {_type(hints[field.name])} | {said.get(field.name) or _USUAL[field.name]} |")
    return "\n".join(lines) + "\n"


def _whole(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _first(kind: type) -> str:
    return _whole(kind).split(". ")[0].removesuffix(".")


def _words_under_fields(kind: type) -> dict[str, str]:
    """The text that stands below a field, by the field's name."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for before, node in zip(tree.body, tree.body[1:], strict=False):
        match before, node:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = " ".join(words.split())
    return found


def _type(hint: object) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if hint in plain:
        return plain[hint]
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(typing.get_args(hint)[0])}"
    if typing.get_args(hint) and type(None) in typing.get_args(hint):
        return _type(next(one for one in typing.get_args(hint) if one is not type(None)))
    if isinstance(hint, type):
        return ", ".join(f"`{one.value}`" for one in hint)  # type: ignore[attr-defined]
    return "texts by name"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
