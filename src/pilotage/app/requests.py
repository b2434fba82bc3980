"""Requests to use cases: one class each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.events import PromotedFrom
from pilotage.model.plan import Plan
from pilotage.model.rollout import CommandKind
from pilotage.model.schedule import After


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """on_conflict: while another rollout is under way, refuse, queue or replace it · emergency_reason: why freezes and
    gates do not count this time; empty where they do · may_undo: asking for the stable version may roll back the
    rollout in progress · promoted: where the version has proven itself, if it was taken from there · approved: persons
    who approved it before, on the release's way · traceparent: of the trace that asks, as W3C's header has it."""

    plan: Plan
    on_conflict: str = "refuse"
    emergency_reason: str = ""
    may_undo: bool = False
    promoted: PromotedFrom | None = None
    approved: tuple[str, ...] = ()
    traceparent: str = ""


@dataclass(frozen=True, kw_only=True)
class GroupRequest:
    """One release of several services. versions: by service."""

    environment: str
    versions: Mapping[str, str]
    emergency_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RollbackRequest:
    """environment: None for the only one · to: None for the last good version · reason: kept with the rollout."""

    environment: str | None = None
    to: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CommandRequest:
    """environment: None for the only one · reason: kept with the rollout · full: of `promote`, leave out every analysis
    that is left · about: the number of the event with the question that this answers; refused once it is answered ·
    as_of: status and step's id as the person saw them; refused where they have changed."""

    kind: CommandKind
    environment: str | None = None
    reason: str = ""
    full: bool = False
    about: int | None = None
    as_of: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class FreezeRequest:
    """environment: None for the only one · seconds: from now on."""

    name: str
    seconds: float
    reason: str
    environment: str | None = None


@dataclass(frozen=True, kw_only=True)
class SignOffRequest:
    """role: such as qa-lead · items: the ones to sign; empty for all of the role · comment: shown with it."""

    plan: Plan
    role: str
    items: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class WaiverRequest:
    """items: at least one · role: their owner, or release-manager · until: Unix seconds · reason: stays visible."""

    plan: Plan
    items: tuple[str, ...]
    role: str
    until: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class AnnouncementRequest:
    """An action on one announcement of a plan. text: edited text, or what is sent · at: Unix seconds, not before; None
    for now · on: the moment of the release that it waits for · reason: why it is skipped."""

    plan: Plan
    item: str
    text: str = ""
    at: float | None = None
    on: After = After.NOTHING
    reason: str = ""
