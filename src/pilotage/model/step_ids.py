"""Ids of steps and checks that more than one part of Pilotage acts upon.

The planner writes them into a plan, `checks:` of the configuration names them, and the strategies and the engine look
for them. Plans are stored and signed, so an id never changes.
"""

from __future__ import annotations

from typing import Final

# ── what a check asks of its own accord (`pilotage.rollout.checking`) ──────────────────────────────────────

PREPARE: Final = "prepare"
"""The fleet itself brings the version to where it runs: the first step where it does so, in every mode."""
CHECK_HEALTH: Final = "check-health"
CHECK_HEALTH_CHECKS: Final = "check-health-checks"
CHECK_INSTANCES: Final = "check-instances"
CHECK_MINIMUM: Final = "check-minimum"
CHECK_MONITORING: Final = "check-monitoring"
CHECK_ROOM: Final = "check-room"
CHECK_WAY_BACK: Final = "check-way-back"
CHECK_WINDOW: Final = "check-window"

# ── what only the service's own checks can ask ─────────────────────────────────────────────────────────────

CHECK_DATA: Final = "check-data"
"""Pilotage makes it itself where `database:` names the database."""
CHECK_SCHEMA: Final = "check-schema"
"""Before the new version starts: what its migrations take from the version that serves. Only where
`database.migrations` names them."""
CHECK_CACHES: Final = "check-caches"
CHECK_SMOKE: Final = "check-smoke"
CHECK_FUNCTIONS: Final = "check-functions"
CHECK_RESTORED: Final = "check-restored"
"""No step of the plan: `check-functions`, asked of the version that serves after a rollback."""
CHECK_PACKAGE: Final = "check-package"
"""Pilotage makes it itself where `readiness.artifact` names the package."""

REQUIRED_CHECKS: Final = (CHECK_DATA, CHECK_CACHES, CHECK_SMOKE, CHECK_FUNCTIONS, CHECK_PACKAGE)
"""Checks without which no release starts, where `checks.required` says so."""

# ── approvals ──────────────────────────────────────────────────────────────────────────────────────────────

APPROVE_PRODUCTION: Final = "approve-production"
"""Before any user has the release."""
APPROVE_SWITCH: Final = "approve-switch"

# ── big-bang ───────────────────────────────────────────────────────────────────────────────────────────────

CHECK_BACKUP: Final = "check-backup"
"""Must be configured: the last line of its output is the proof that a backup exists."""
CLOSE: Final = "close"
REPLACE: Final = "replace"
VERIFY: Final = "verify"
OPEN: Final = "open"
FINAL_BACKUP: Final = "final-backup"
"""No step of the plan: the backup of the closed service, before the new version starts; where Pilotage restores."""
RESTORE: Final = "restore"
"""No step of the plan: the check that brings back what the backup holds, on the way back."""

# ── feature toggle ─────────────────────────────────────────────────────────────────────────────────────────

DEPLOY_DARK: Final = "deploy-dark"
CHECK_KILL_SWITCH: Final = "check-kill-switch"
"""The engine tries the flag itself unless the configuration has a check of this name."""

# ── who answers a check ────────────────────────────────────────────────────────────────────────────────────

OWN_CHECKS: Final = frozenset(
    {
        CHECK_HEALTH, CHECK_HEALTH_CHECKS, CHECK_INSTANCES, CHECK_MINIMUM, CHECK_MONITORING, CHECK_ROOM,
        CHECK_WAY_BACK, CHECK_WINDOW, VERIFY, CHECK_KILL_SWITCH, PREPARE,
    }
)  # fmt: skip
"""Checks that Pilotage makes itself. Any other is skipped unless the configuration has one of its name."""
