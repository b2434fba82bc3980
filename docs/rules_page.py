"""The appendix of the rules by which code, tests and `source` fields of a plan name what they implement."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pilotage.plan.rows import ROWS

REQUIREMENTS: Mapping[str, tuple[str, str]] = {
    "R1": (
        "Answers",
        "Six answers decide a plan. Every combination gives a complete plan, or a conflict with a name.",
    ),
    "R2": ("Identity", "The same inputs give the same plan, byte for byte. Its SHA-256 is its identity."),
    "R3": ("Formats", "One plan has many formats. The difference between two plans says what changed and why."),
    "R4": ("Release types", "The release type decides scope, impact, planning time and execution time."),
    "R5": (
        "Readiness",
        "Technical, infrastructure and operational items are checked against evidence. The risk tolerance "
        "raises the required test coverage.",
    ),
    "R6": (
        "Sign-offs",
        "Product owner, engineering, QA, DevOps and support sign off. Each stakeholder group adds items.",
    ),
    "R7": (
        "Readiness report",
        "The report gives a reason and a next step for every item that is not ready. Such an item blocks the "
        "deployment.",
    ),
    "R8": (
        "Conflicts",
        "Answers that contradict each other are conflicts with an explanation and a way out. A plan with an "
        "unaccepted conflict is not executed.",
    ),
    "R9": (
        "Schedule",
        "Phases of a scheduled release are counted backwards from the release date. Each has a shortest and a "
        "longest duration.",
    ),
    "R10": ("Pipeline", "A continuous release has pipeline stages instead of phases, with usual times."),
    "R11": ("Calendar", "Weekends, holidays, freezes, windows and time zones decide when a release can happen."),
    "R12": (
        "Blue-green",
        "A complete second environment is checked, gets all traffic at once, and the old one stays ready for a while.",
    ),
    "R13": ("Canary", "Growing shares of traffic are compared with stable before each increase."),
    "R14": ("Rolling", "Instances are replaced in batches. A rollback does the same in reverse."),
    "R15": ("Big-bang", "All instances are replaced at once in a maintenance window, after a proven backup."),
    "R16": ("Feature toggle", "The code is deployed with its flag off. Growing groups of users get the flag."),
    "R17": ("Risk", "Six factors give a risk level, an explanation for each, and a recommended strategy."),
    "R18": (
        "Limits",
        "The risk tolerance sets the limits of error rate and latency, and whether rollbacks are automatic.",
    ),
    "R19": ("Health", "Eight metrics are compared with stable or with a limit, and give one health score."),
    "R20": (
        "Alerts",
        "Alert rules use the plan's limits and name their channels. A low success rate pauses.",
    ),
    "R21": (
        "Rollback",
        "A rollback opens an incident, returns the traffic, is validated and documented. A failed rollback "
        "escalates and lists what is left to do.",
    ),
    "R22": ("Communication", "Each stakeholder group has drafted messages with owner, channel and due time."),
    "R23": (
        "Release notes",
        "Release notes are made from the commits, for several audiences. Numbers are measured or left out.",
    ),
    "R24": ("Reports", "Reports cover deployments, performance, business figures, lessons and recommendations."),
    "R25": (
        "Retrospectives",
        "The release frequency decides when a retrospective is held, the team size how long it is.",
    ),
    "R26": (
        "Follow-ups",
        "Actions have an owner, a due date and a success criterion, and show up in the next release.",
    ),
    "R27": (
        "Hosts",
        "A version runs as processes, systemd units or containers, here or on hosts over SSH. It is brought to all of "
        "them, and verified by digest, before anything changes.",
    ),
    "R28": (
        "Load balancers",
        "Envoy, HAProxy, nginx, Traefik and the load balancers of AWS and Cloudflare split requests, alone or several "
        "as one. What others configured in them stays as it is.",
    ),
    "R31": (
        "Data",
        "Replication and migrations are read from the database before and during a release. Caches are warmed and "
        "measured. Backups are proven by a restore.",
    ),
    "R33": (
        "The way",
        "A release travels stages that Pilotage runs or awaits, then environment after environment and wave after "
        "wave. One artifact, known by its digest, goes the whole way, with gates and bake times between.",
    ),
}

CHOICES: Mapping[str, tuple[str, str]] = {
    "C1": (
        "Users first",
        "Clear harm returns the traffic at once, under every risk tolerance. The tolerance decides only "
        "whether a rollback follows or an operator decides.",
    ),
    "C2": (
        "One limit",
        "A limit comes from the risk tolerance. A strategy with a stricter limit of its own lowers it.",
    ),
    "C3": (
        "Zero downtime",
        "Zero-downtime uses the values of the low tolerance, and no instance may be unavailable.",
    ),
    "C5": ("Hotfix times", "Hotfixes and feature flags have their own planning and execution times."),
    "C6": ("Continuous", "A continuous release with a date still has a communication calendar."),
    "C7": (
        "Batches",
        "A batch is never larger than the instances that may be unavailable. If none may be, one extra "
        "instance starts first.",
    ),
    "C8": (
        "Durations",
        "The steps decide how long a release takes. The plan says so if that exceeds the usual time.",
    ),
    "C9": ("All audiences", "Tenants and internal teams have messages and items of their own."),
    "C10": ("No invented numbers", "Messages and notes contain measured numbers, or none."),
    "C11": (
        "Missed lead times",
        "A message whose lead time has passed is sent as early as its audience needs it. The missed lead time "
        "is recorded.",
    ),
    "C12": ("Agenda", "The parts of an agenda are scaled to the length of the meeting."),
    "C13": ("Overlap", "The plan says how many releases overlap, and which cadence avoids it."),
    "C14": (
        "Working days",
        "Durations count working days. A release on a closed day moves earlier, and the plan says so.",
    ),
    "C16": (
        "Downtime",
        "A maintenance window is required if the strategy or a migration causes downtime, and only then.",
    ),
    "C17": ("Approvals", "Release type, risk tolerance and audience decide whether production needs an approval."),
    "C18": (
        "Small teams",
        "One person can hold several roles. Author and approver stay two people, or a review follows.",
    ),
    "C19": ("Announcements", "Announcements are due when everyone has the release."),
    "C20": (
        "Compliance",
        "Compliance assesses the impact before the release, and validates the tested artifact. A new build "
        "voids the validation.",
    ),
    "C21": ("Every item has a task", "Each readiness item belongs to a phase or stage of the plan."),
    "C22": ("Bake", "The new version is analysed once more at 100 % before the old one stops."),
    "C23": ("Statistics", "Every rate has an interval and a sample size. Durations are medians."),
    "C24": ("One alert", "One condition has one alert, the most severe one."),
    "C25": ("Risk and strategy", "A strategy that exposes more users than the risk recommends is a conflict."),
    "C26": (
        "Long rollouts",
        "A rolling release that outlasts its phase is a conflict, with the smallest batch that fits.",
    ),
}

_OPENING = """# Rules

The rules behind plans and rollouts, with the codes that the source code, its tests and the `source` fields of a plan
use for them. Output for people does not contain these codes. *Rule 1* to *rule 13* are the [guarantees](guarantees.md).

## Requirements

"""
_CHOICES = """
## Choices

Where two rules meet, these decide.

"""


def of_settings() -> dict[str, list[str]]:
    """Settings by the codes that they come from."""
    found: dict[str, list[str]] = {}
    for row in ROWS:
        for code in re.findall(r"\b[RC]\d{1,2}\b", row.source):
            if row.path not in found.setdefault(code, []):
                found[code].append(row.path)
    return found


def page() -> str:
    return _OPENING + _rows(REQUIREMENTS) + _CHOICES + _rows(CHOICES)


def _rows(rules: Mapping[str, tuple[str, str]]) -> str:
    settings = of_settings()
    lines = ["| code | about | rule | settings |", "|---|---|---|---|"]
    for code, (about, rule) in rules.items():
        named = ", ".join(f"`{path}`" for path in settings.get(code, ()))
        lines.append(f'| <a id="{code.lower()}"></a>{code} | {about} | {rule} | {named or "–"} |')
    return "\n".join(lines) + "\n"
