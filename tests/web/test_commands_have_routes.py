"""R34: everything that the command line can do and read has its typed route in the API, or a reason why not."""

from __future__ import annotations

from pilotage.cli.remote_commands import REMOTE, Here
from pilotage.web.route import Audience
from pilotage.web.table import ROUTES

_SERVICE = "/api/v1/services/{service}"
_PLACE = f"{_SERVICE}/environments/{{environment}}"
_ONE = "/api/v1/rollouts/{rollout}"
_WAY = f"{_SERVICE}/ways/{{version}}"
_PHASE = f"{_PLACE}/phases/{{version}}"
_ITEM = f"{_PLACE}/announcements/{{item}}"
_PLAN = "/api/v1/plans/{plan}"

ROUTES_OF = {
    "doctor": f"GET {_PLACE}/doctor",
    "plan make": f"POST {_PLACE}/plan", "plan diff": f"GET {_PLAN}/changes/{{other}}",
    "plan retarget": f"GET {_PLAN}/retargeted",
    "risk assess": f"GET {_SERVICE}/risk", "risk train": "POST /api/v1/risk/model", "changed": "GET /api/v1/changed",
    "ready": f"GET {_PLACE}/readiness", "sign-off": f"POST {_PLACE}/sign-offs", "waive": f"POST {_PLACE}/waivers",
    "phase list": f"GET {_PLACE}/phases", "phase check": f"GET {_PLACE}/feature-freeze",
    "phase assign": f"POST {_PHASE}/assign", "phase done": f"POST {_PHASE}/done", "phase drop": f"POST {_PHASE}/drop",
    "phase reopen": f"POST {_PHASE}/reopen", "phase track": f"POST {_PLACE}/phases",
    "train show": f"GET {_SERVICE}/train", "train departures": f"GET {_SERVICE}/train/departures",
    "train board": f"POST {_SERVICE}/train/board",
    "deploy": f"POST {_PLACE}/deploy", "rollback": f"POST {_PLACE}/rollback", "cleanup": f"POST {_PLACE}/cleanup",
    "way list": f"GET {_SERVICE}/ways", "way show": f"GET {_WAY}", "way events": f"GET {_WAY}/events",
    "way start": f"POST {_SERVICE}/ways", "way approve": f"POST {_WAY}/approve", "way promote": f"POST {_WAY}/promote",
    "way hold": f"POST {_WAY}/hold", "way resume": f"POST {_WAY}/resume", "way retry": f"POST {_WAY}/retry",
    "way abort": f"POST {_WAY}/abort",
    "watch": "GET /api/v1/events", "status": "GET /api/v1/environments", "history": f"GET {_PLACE}/rollouts",
    "events": f"GET {_ONE}/events", "trace": f"GET {_SERVICE}/releases/{{version}}/trace",
    "explain": f"GET {_ONE}/explanation", "abort": f"POST {_ONE}/abort", "pause": f"POST {_ONE}/pause",
    "resume": f"POST {_ONE}/resume", "promote": f"POST {_ONE}/promote", "retry": f"POST {_ONE}/retry",
    "approve": f"POST {_ONE}/approve", "reject": f"POST {_ONE}/reject",
    "freeze": f"POST {_PLACE}/freezes",
    "waves list": f"GET {_PLACE}/waves", "waves show": f"GET {_PLACE}/waves/{{wave}}",
    "waves move": f"POST {_PLACE}/tenants/{{tenant}}/wave",
    "flag show": f"GET {_PLACE}/flag", "flag stale": f"GET {_PLACE}/stale-flags",
    "flag experiment": f"GET {_PLACE}/flag/experiment", "flag drill": f"POST {_PLACE}/flag/drill",
    "flag kill": f"POST {_PLACE}/flag/kill",
    "notify list": "GET /api/v1/messages", "notify retry": "POST /api/v1/messages/retry",
    "notify test": "POST /api/v1/messages/test", "alerts test": f"POST {_PLACE}/alerts/test",
    "dashboard grafana": f"GET {_PLACE}/dashboard",
    "announce list": f"GET {_PLACE}/announcements", "announce show": f"GET {_ITEM}",
    "announce accounts": f"GET {_PLACE}/accounts", "announce template": "GET /api/v1/announcement-templates/{item}",
    "announce answered": f"POST {_PLACE}/accounts/{{account}}/answer", "announce edit": f"POST {_ITEM}/edit",
    "announce send": f"POST {_ITEM}/send", "announce skip": f"POST {_ITEM}/skip",
    "announce track": f"POST {_PLACE}/announcements/track", "announce approve": f"POST {_ITEM}/approve",
    "harm list": f"GET {_SERVICE}/reports", "harm report": f"POST {_PLACE}/reports",
    "harm confirm": f"POST {_SERVICE}/reports/{{number}}/confirm",
    "harm dismiss": f"POST {_SERVICE}/reports/{{number}}/dismiss",
    "feedback list": f"GET {_SERVICE}/feedback", "feedback invite": f"POST {_SERVICE}/feedback/invitations",
    "notes": f"GET {_SERVICE}/notes", "report": f"GET {_PLACE}/report", "dora": f"GET {_PLACE}/dora",
    "incident": f"GET {_ONE}/incident", "retro": f"GET {_PLACE}/retrospective",
    "followup list": f"GET {_SERVICE}/followups", "followup export": f"GET {_SERVICE}/followups.ics",
    "followup report": f"GET {_SERVICE}/followups/weekly-report", "followup add": f"POST {_SERVICE}/followups",
    "followup done": f"POST {_SERVICE}/followups/{{number}}/done",
    "meeting list": f"GET {_SERVICE}/meetings", "meeting cancel": f"POST {_SERVICE}/meetings/{{number}}/cancel",
    "meeting attended": f"POST {_SERVICE}/meetings/{{number}}/attendance",
    "meeting minutes": f"POST {_SERVICE}/meetings/{{number}}/minutes",
    "meeting move": f"POST {_SERVICE}/meetings/{{number}}/move",
    "logs": f"GET {_PLACE}/logs", "hosts": f"GET {_PLACE}/hosts",
    "backup list": f"GET {_PLACE}/backups", "backup make": f"POST {_PLACE}/backups",
    "backup verify": f"POST {_PLACE}/backups/{{backup}}/verify",
    "backup restore": f"POST {_PLACE}/backups/{{backup}}/restore",
    "store accept": f"POST {_PLACE}/accept-records",
    "auth grant": "POST /api/v1/access/grants", "auth revoke": "POST /api/v1/access/grants/revoke",
    "auth list": "GET /api/v1/access", "auth why": "GET /api/v1/access/why",
    "token create": "POST /api/v1/tokens", "token list": "GET /api/v1/tokens",
    "token revoke": "POST /api/v1/tokens/{token}/revoke",
    "audit log": "GET /api/v1/audit", "audit export": "GET /api/v1/audit/export",
    "audit head": "POST /api/v1/audit/head", "audit verify": "GET /api/v1/audit/verification",
}  # fmt: skip
"""The route that stands first for each command; options may have one of their own."""

OPTIONS = {
    "deploy of several services": "POST /api/v1/groups", "watch of several services": "GET /api/v1/groups/{group}",
    "watch --ticks": f"GET {_ONE}/live", "explain --html": f"GET {_ONE}/metrics",
    "events --verify": f"GET {_PLACE}/verification",
    "plan --why": f"GET {_PLAN}/reason", "plan --what-if": f"POST {_PLACE}/plan/what-if",
    "ready --bundle": f"GET {_PLACE}/readiness/evidence", "incident --bundle": f"GET {_ONE}/evidence",
    "report RELEASE": f"GET {_PLACE}/releases/{{version}}/report", "report without -e": f"GET {_SERVICE}/report",
    "dora without -e": f"GET {_SERVICE}/dora", "retro without -e": f"GET {_SERVICE}/retrospective",
    "incident without -e": f"GET {_SERVICE}/incidents", "freeze --lift": f"POST {_PLACE}/freezes/lift",
    "phase list --ics": f"GET {_PHASE}/tasks.ics",
    "train departures --format ics": f"GET {_SERVICE}/train/departures.ics",
    "notes --next-version": f"GET {_SERVICE}/notes/next-version",
    "notes --published": f"GET {_SERVICE}/notes/published",
    "dashboard grafana --push": f"POST {_PLACE}/dashboard/push",
}  # fmt: skip

BY_COMMAND_LINE = {
    "drill rollback": "waits for a whole rollout and its rollback: deploy and roll back are the same evidence",
    "exec": "its answer is what a program writes, for as long as it runs",
    "judge": "computes from a file of the caller alone",
}
"""No route of their own: `POST /api/v1/shell` carries them out, and streams what they say."""


def test_r34_every_command_has_a_typed_route_or_a_reason() -> None:
    elsewhere = {name for name, where in REMOTE.items() if isinstance(where, Here)}
    known = {*ROUTES_OF, *BY_COMMAND_LINE}
    assert known - set(REMOTE) == set()
    assert known & elsewhere == set()
    assert set(REMOTE) - elsewhere - known == set(), "name the route that does what the command does, or why none does"
    assert set(ROUTES_OF) & set(BY_COMMAND_LINE) == set()


OTHER_PERMISSION = {
    "plan make": "a command that makes a plan keeps nothing; a route may be asked by programs all day",
    "freeze": "without a name, the command lists freezes",
}
"""Routes that need another permission than their command."""


def test_r34_the_routes_of_commands_exist_and_need_what_the_commands_need() -> None:
    there = {f"{one.method} {one.path}": one for one in ROUTES}
    assert {*ROUTES_OF.values(), *OPTIONS.values()} - set(there) == set()
    assert "POST /api/v1/shell" in there
    needed = {name: (there[route].permission, REMOTE[name]) for name, route in ROUTES_OF.items()}
    other = {name for name, (route, command) in needed.items() if route is not command and route not in set(Audience)}
    assert other == set(OTHER_PERMISSION)
