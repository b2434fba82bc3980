"""Commands and options by the names they had before: each is answered with the new name."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {"action": "followup", "clean": "cleanup"}
"""By the earlier name."""

SECTIONS: Mapping[str, str] = {"attendance": "on-call", "numbers": "settings"}
"""Of `plan --section`, by the earlier name."""

OPTIONS: Mapping[tuple[str, str], str] = {
    ("announce skip", "--because"): "--reason",
    ("deploy", "--if-busy"): "--on-conflict",
    ("deploy", "--no-wait"): "--detach",
    ("followup export", "--private"): "--allow-private-network",
    ("judge", "--false-rollback"): "--false-positive-rate",
    ("judge", "--picture"): "--chart",
    ("judge", "--tolerated-ratio"): "--max-ratio",
    ("report", "--for"): "--audience",
    ("sign-off", "--comment"): "--reason",
    ("waive", "--because"): "--reason",
    ("watch", "--looks"): "--ticks",
}
"""By command and the earlier name."""


def renamed_option(command: str, option: str) -> str:
    """What to say of an option that is not known; empty if it never was. command: with all groups, such as
    `pilotage announce skip`."""
    name = command.partition(" ")[2]
    return f"{option} of `pilotage {name}` is now {OPTIONS[name, option]}" if (name, option) in OPTIONS else ""
