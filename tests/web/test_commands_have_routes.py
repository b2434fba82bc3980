"""R34: everything that the command line can do has its route in the API, or a reason why not."""

from __future__ import annotations

from pilotage.cli.main import _COMMANDS
from pilotage.web.table import ROUTES

_PLACE = "/api/v1/services/{service}/environments/{environment}"
_ONE = "/api/v1/rollouts/{rollout}"
_SERVICE = "/api/v1/services/{service}"

ROUTES_OF = {
    "plan": f"POST {_PLACE}/plan", "ready": f"GET {_PLACE}/readiness", "sign-off": f"POST {_PLACE}/sign-offs",
    "waive": f"POST {_PLACE}/waivers", "deploy": f"POST {_PLACE}/deploy", "way": f"GET {_SERVICE}/ways/{{version}}",
    "watch": "GET /api/v1/events", "status": "GET /api/v1/environments", "history": f"GET {_PLACE}/rollouts",
    "events": f"GET {_ONE}/events", "explain": f"GET {_ONE}/explanation", "abort": f"POST {_ONE}/abort",
    "rollback": f"POST {_PLACE}/rollback", "pause": f"POST {_ONE}/pause", "resume": f"POST {_ONE}/resume",
    "promote": f"POST {_ONE}/promote", "retry": f"POST {_ONE}/retry", "approve": f"POST {_ONE}/approve",
    "reject": f"POST {_ONE}/reject", "freeze": f"POST {_PLACE}/freezes", "waves": f"GET {_PLACE}/waves",
    "flag": f"POST {_PLACE}/flag/kill", "cleanup": f"POST {_PLACE}/cleanup", "notify": "GET /api/v1/messages",
    "harm": f"GET {_SERVICE}/reports", "feedback": f"GET {_SERVICE}/feedback", "dora": f"GET {_PLACE}/dora",
    "followup": f"POST {_SERVICE}/followups", "meeting": f"GET {_SERVICE}/meetings", "hosts": f"GET {_PLACE}/hosts",
}  # fmt: skip
"""The route that stands first for each command."""

BY_COMMAND_LINE = {
    "adapters",
    "adopt",
    "alerts",
    "analysis",
    "announce",
    "audit",
    "auth",
    "backup",
    "changed",
    "ci",
    "dashboard",
    "docs",
    "doctor",
    "drill",
    "exec",
    "hotfix",
    "incident",
    "judge",
    "key",
    "logs",
    "notes",
    "phase",
    "prune",
    "report",
    "retro",
    "risk",
    "schema",
    "store",
    "token",
    "trace",
    "train",
    "user",
    "validate",
}
"""These have no route of their own yet: `POST /api/v1/shell` carries out their command lines."""

OF_A_MACHINE = {
    "init": "writes files on one's own machine",
    "demo": "runs on one's own machine",
    "completion": "is for one's own shell",
    "serve": "is the server",
    "worker": "is a process of the server's machine",
    "down": "stops what the server itself is part of",
    "serve-status": "is a server of its own",
    "serve-intake": "is a server of its own",
    "serve-feeds": "is a server of its own",
    "serve-callbacks": "is a server of its own",
    "login": "signs one's own machine in",
    "logout": "signs one's own machine out",
    "scaffold": "writes files on one's own machine",
}


def test_r34_every_command_has_a_route_or_a_reason() -> None:
    known = {*ROUTES_OF, *BY_COMMAND_LINE, *OF_A_MACHINE}
    assert known - set(_COMMANDS) == set()
    assert set(_COMMANDS) - known == set(), "say in this file which route does what the command does, or why none does"


def test_r34_the_routes_of_commands_exist() -> None:
    there = {f"{one.method} {one.path}" for one in ROUTES}
    assert set(ROUTES_OF.values()) - there == set()
    assert "POST /api/v1/shell" in there
