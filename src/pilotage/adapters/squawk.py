"""Asks squawk, if it is installed, what a PostgreSQL migration locks or rewrites beyond our own findings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_RULES = {
    "adding-field-with-default": "adds a column with a default that is computed for each row: the table is rewritten",
    "adding-serial-primary-key-field": "adds a serial primary key: the table is rewritten under a lock",
    "disallowed-unique-constraint": "adds a unique constraint, which builds its index while writes wait",
    "require-concurrent-index-deletion": "drops an index while reads and writes wait",
    "ban-concurrent-index-creation-in-transaction": "builds an index concurrently inside a transaction, which fails",
    "ban-truncate-cascade": "empties tables that point to this one, too",
    "adding-foreign-key-constraint": "adds a foreign key, which locks both tables while it is checked",
}
"""The rules that speak of a release's own danger, in our words; the rest of squawk's is style."""
_CURE = "use steps that hold no lock; https://squawkhq.com/docs/rules describes one for each"
_PATIENCE = 20.0


def findings_of(path: str, sql: str) -> list[Finding]:
    """What squawk finds in one file of SQL; nothing where it is not installed or cannot read the file."""
    program = shutil.which("squawk") or shutil.which("squawk", path=str(Path(sys.executable).parent))
    if program is None:
        return []
    arguments = [program, "--reporter", "json", "--stdin-filepath", "migration.sql"]
    try:
        done = subprocess.run(arguments, input=sql, capture_output=True, text=True, timeout=_PATIENCE, cwd="/")
        said = json.loads(done.stdout or "[]")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    rules = dict.fromkeys(one["rule_name"] for one in said)
    return [
        Finding(RiskFactor.MIGRATIONS, RiskLevel.MEDIUM, f"{_RULES[rule]} (squawk: {rule})", path, _CURE)
        for rule in rules
        if _RULES.get(rule)
    ]
