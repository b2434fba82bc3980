"""Makes docs/reference/events.md from the classes of `pilotage.model.events`: `python docs/events_page.py`."""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from dataclasses import MISSING, fields
from pathlib import Path

from pilotage.model import events as ev
from pilotage.model.observation import VerdictKind
from pilotage.model.rollout import CommandKind, HoldCause, Pace

PAGE = Path(__file__).parent / "reference" / "events.md"
PLAN = "9f2c…"
WHERE = "on 2.4.0: web-3 (healthy); on 2.3.9: web-1 (healthy), web-2 (healthy)"
WORSE = "error rate: 4.8 % against 0.1 %"

EXAMPLES: tuple[ev.Occurrence, ...] = (
    ev.RolloutQueued(version="2.4.0", environment="production", actor="ada"),
    ev.RolloutStarted(plan=PLAN, pace=Pace.FULL, version="2.4.0", old="2.3.9", environment="production", actor="ada"),
    ev.ReadinessChecked(waived={"load-test": "waived by grace: no load changes"}, artifact="", gates=21),
    ev.StepStarted(step="weight-25%", done="scale-25%", weight=250, title="25% of requests go to 2.4.0"),
    ev.CheckSkipped(step="check-smoke", title="smoke test of 2.4.0"),
    ev.BatchRestored(step="batch-1", where=WHERE),
    ev.VerdictChanged(metric="error rate", kind=VerdictKind.SOURCE_ERROR, reason="Prometheus does not answer"),
    ev.HoldStarted(
        cause=HoldCause.CANARY_UNHEALTHY,
        share=250,
        reason="1 of 2 instances of 2.4.0 are healthy",
        then="rollback",
        limit=30.0,
    ),
    ev.HoldEnded(cause=HoldCause.CANARY_UNHEALTHY),
    ev.Paused(actor="ada", reason="the database is slow"),
    ev.Resumed(actor="ada"),
    ev.Retried(actor="ada", reason="the load balancer was restarted"),
    ev.Promoted(actor="ada", reason="checked by hand"),
    ev.Approved(plan=PLAN, person="grace", title="approval to send 5%", given=1, wanted=2),
    ev.CommandRefused(
        kind=CommandKind.APPROVE, actor="ada", why="ada started this rollout, so another person must approve it"
    ),
    ev.InstanceDied(instance="web-2.4.0-1", last="MemoryError"),
    ev.TrafficDiverted(version="2.4.0", share=250),
    ev.TrafficResumed(version="2.4.0", share=250),
    ev.TrafficWithdrawn(cause="error rate", step="analyse-25%", version="2.4.0", reason=WORSE, limit=1800),
    ev.InstanceReplaced(instance="127.0.0.1:4100", reason="error rate: 40 % on one instance"),
    ev.SecondTry(tries=1, step="analyse-25%", title="watch 25% for 4h", after="error rate"),
    ev.Unwatched(step="bake", title="watch 100% for 1h", reason="error rate: 12 of 100 requests"),
    ev.WorseThanThePast(worse="slow requests: 3 % against 1 % last week"),
    ev.PersonNeeded(
        cause="error rate", step="analyse-25%", reason=f"{WORSE}; this release does not roll back automatically"
    ),
    ev.RollbackStarted(cause="error rate", step="analyse-25%", reason=WORSE),
    ev.TrafficReturned(how="the router confirms that all requests go to 2.3.9 again"),
    ev.BatchReturned(where=WHERE),
    ev.MoveDone(move=1, what="the router confirms that the service is closed"),
    ev.Preserved(version="2.4.0"),
    ev.Completed(step="retire", version="2.4.0"),
    ev.RolledBack(version="2.4.0", outcome="2.3.9 serves all requests again; 2.4.0 has stopped", reason=WORSE),
    ev.Failed(version="2.4.0", reason=f"{WORSE}; the rollback is not complete: 2.4.0 is still running"),
    ev.RolloutWithdrawn(version="2.4.0", actor="ada"),
    ev.EnvironmentReleased(version="2.4.0", actor="ada"),
)
"""One of each type, in the order of the page."""

_OPENING = """# Events

Everything that happens to a rollout is an event. Read them with `pilotage events`, receive them
[in your channels](../guides/notifications.md), or take them from `pilotage events --json`.

Each event has a type, a sentence for people, and data for programs. Type and fields are stable: a later version adds
fields and types, and renames or removes none. `pilotage schema events` prints the JSON Schema of what is stored.

Data may also have a key `sealed`: what the event fixes beside its own words
([integrity](../explanation/integrity.md#event-chains)).

A message has the severity of its event. A *critical* event pages: it opens the incident of its rollout.
A field in *italics* is left out while it has nothing to say.

This page is generated from the code: `python docs/events_page.py`.
"""


def page() -> str:
    return "\n".join((_OPENING, _overview(), *(_section(example) for example in EXAMPLES)))


def _overview() -> str:
    rows = [f"| [`{e.type}`](#{e.type}) | {type(e).usual_severity} | {_first(type(e))} |" for e in EXAMPLES]
    return "\n".join(("| type | severity | when |", "|---|---|---|", *rows)) + "\n"


def _section(example: ev.Occurrence) -> str:
    kind = type(example)
    said = _words_under_fields(kind)
    hints = typing.get_type_hints(kind)
    lines = [f"## {kind.type}", "", _whole(kind), "", f"> {example.sentence}", ""]
    if fields(kind):
        lines += ["| field | type | what |", "|---|---|---|"]
    for field in fields(kind):
        name = f"`{field.name}`" if field.default is MISSING else f"*`{field.name}`*"
        lines.append(f"| {name} | {_type(hints[field.name])} | {said.get(field.name, '')} |")
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
        return plain[hint]  # type: ignore[index]
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(typing.get_args(hint)[0])}"
    if typing.get_args(hint) and type(None) in typing.get_args(hint):
        return _type(next(one for one in typing.get_args(hint) if one is not type(None)))
    if isinstance(hint, type):
        return ", ".join(f"`{one.value}`" for one in hint)  # type: ignore[attr-defined]
    return "texts by name"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
