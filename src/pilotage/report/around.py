"""What release notes say beside their changes: the API, help, what comes next, how releases went (R23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pilotage.model.wording import counted
from pilotage.report.openapi import ApiChange
from pilotage.report.openapi_kinds import Certainty


@dataclass(frozen=True, kw_only=True)
class Around:
    """api: what breaks callers, of all documents · documents: names of those that were compared · support: label and
    address or words · upcoming: sentences · roadmap, feedback: addresses · next_release: its version and day in words ·
    developer_steps, user_steps: of the team's own · rates: label and value, with n and interval · why_not: by what is
    missing, such as `api` or `success rate`, the reason."""

    api: tuple[ApiChange, ...] = ()
    documents: tuple[str, ...] = ()
    support: tuple[tuple[str, str], ...] = ()
    upcoming: tuple[str, ...] = ()
    roadmap: str = ""
    feedback: str = ""
    next_release: str = ""
    developer_steps: tuple[str, ...] = ()
    user_steps: tuple[str, ...] = ()
    staging: bool = False
    rates: tuple[tuple[str, str], ...] = ()
    why_not: Mapping[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> tuple[ApiChange, ...]:
        """What breaks callers for certain."""
        return tuple(one for one in self.api if one.certainty is Certainty.BREAKS)

    @property
    def operations(self) -> int:
        """How many operations break."""
        return len({(one.method, one.path) for one in self.broken})

    def help(self, label: str) -> str:
        """What `support` says of a label; empty where it does not."""
        return dict(self.support).get(label, "")


def developer_steps(version: str, breaking: bool, around: Around) -> tuple[str, ...]:
    """What those who call the service do, in order; nothing where nothing breaks and the team names no step."""
    if not (breaking or around.broken or around.developer_steps):
        return ()
    count = around.operations
    calls = f"change your calls of the {counted(count, 'operation')} under API changes"
    return (
        f"update to {version}",
        *(("follow the migration guide",) if breaking else ()),
        *((calls,) if count else ()),
        *(("test your application against staging",) if around.staging else ()),
        *around.developer_steps,
    )


def user_steps(breaking: bool, around: Around) -> tuple[str, ...]:
    """The same for users, with where they read, learn and ask."""
    steps = list(around.user_steps)
    if documentation := around.help("documentation"):
        steps.insert(0, f"read what is new: {documentation}")
    if training := around.help("training"):
        steps.append(f"work through the training: {training}")
    if breaking:
        steps.append("check what you have to change, in the migration guide")
    if steps and (help_ := around.help("contact") or around.help("portal")):
        steps.append(f"ask for help: {help_}")
    return tuple(steps)
