"""What the tenants of each wave are told of a release, from the events of its rollout (C9, R33)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.events import Completed, Occurrence, StepStarted, TrafficRestored, TrafficWithdrawn
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.wave import Wave


class WaveNews(StrEnum):
    STARTED = "started"
    """Its users have the version, as the router confirmed."""
    DONE = "done"
    """It was watched for its whole bake."""
    RETURNED = "returned"
    """Its users are back on the version before."""


@dataclass(frozen=True, kw_only=True)
class WaveNotice:
    """round: how often the wave has got this version, from 1: after a withdrawal it may get it again."""

    wave: str
    news: WaveNews
    round: int

    @property
    def key(self) -> str:
        """What identifies it among the notices of its rollout."""
        return f"{self.wave}/{self.round}/{self.news}"


def notices(plan: Plan, events: Sequence[Occurrence]) -> tuple[WaveNotice, ...]:
    """Every notice that is due after these events, in order. The same events give the same notices."""
    return tuple(_told(plan, events))


def _told(plan: Plan, events: Sequence[Occurrence]) -> Iterator[WaveNotice]:
    has: dict[str, WaveNews] = {}
    rounds: dict[str, int] = {}
    watched, leaving = _watches(plan), frozenset[str]()

    def tell(wave: str, news: WaveNews) -> WaveNotice:
        has[wave] = news
        rounds[wave] = rounds.get(wave, 0) + (news is WaveNews.STARTED)
        return WaveNotice(wave=wave, news=news, round=rounds[wave])

    for event in events:
        match event:
            case StepStarted():
                yield from (tell(one, WaveNews.DONE) for one in _those(has, watched.get(event.finished_step, ())))
                gone = (one for one in event.waves if has.get(one) in (None, WaveNews.RETURNED))
                yield from [tell(one, WaveNews.STARTED) for one in gone]
            case Completed():
                yield from [tell(one, WaveNews.DONE) for one in _those(has, tuple(has))]
            case TrafficWithdrawn():
                leaving = frozenset(event.waves)
            case TrafficRestored():
                back = leaving if event.partly else frozenset(has)
                yield from [tell(one, WaveNews.RETURNED) for one in _having(has, back)]
            case _:
                pass


def _those(has: Mapping[str, WaveNews], waves: Sequence[str]) -> tuple[str, ...]:
    """Of these waves, those that have got the version and were not told yet that they are done."""
    return tuple(one for one in waves if has.get(one) is WaveNews.STARTED)


def _having(has: Mapping[str, WaveNews], waves: frozenset[str]) -> tuple[str, ...]:
    return tuple(one for one, news in has.items() if one in waves and news is not WaveNews.RETURNED)


def _watches(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """The waves that each watch is about, by the id of its step."""
    found: dict[str, tuple[str, ...]] = {}
    for wave in plan.waves:
        watch = _watch_after(plan.steps, wave)
        found[watch] = (*found.get(watch, ()), wave.name)
    return found


def _watch_after(steps: Sequence[Step], wave: Wave) -> str:
    sent = next((index for index, step in enumerate(steps) if step.id == wave.step), len(steps))
    watches = (StepKind.ANALYSE, StepKind.BAKE)
    return next((step.id for step in steps[sent + 1 :] if step.kind in watches), "")


def subject(plan: Plan, news: WaveNews) -> str:
    """Of the mail to a tenant."""
    name = f"{plan.service} {plan.version}"
    return {
        WaveNews.STARTED: f"You now have {name}",
        WaveNews.DONE: f"{name} has proven itself with you",
        WaveNews.RETURNED: f"{name} was taken back",
    }[news]


def text(plan: Plan, news: WaveNews, old: str) -> str:
    """Of the mail to a tenant. It names no other tenant and no other wave. old: the version before."""
    name, before = f"{plan.service} {plan.version}", f"{plan.service} {old}" if old else "the version before"
    return {
        WaveNews.STARTED: f"Your requests are answered by {name} from now on. We are watching it closely.",
        WaveNews.DONE: f"{name} has served you since its start, was watched, and stays.",
        WaveNews.RETURNED: f"{name} did not serve you as it should, so {before} serves you again. You need do nothing.",
    }[news]


def subject_ahead(plan: Plan, wave: Wave) -> str:
    """Of the notice before the release."""
    name = f"{plan.service} {plan.version}"
    if wave.not_before is not None:
        return f"{name} reaches you on {wave.not_before:%A, %d %B %Y}"
    return f"{name} reaches you by {plan.release_date:%A, %d %B %Y}" if plan.release_date else f"{name} will reach you"


def ahead(plan: Plan, wave: Wave) -> str:
    """The notice before the release, of one wave."""
    when = ""
    if wave.not_before is not None:
        when = f" on {wave.not_before:%A, %d %B %Y}, from {wave.not_before:%H:%M} ({wave.not_before.tzname()})"
    elif plan.release_date is not None:
        when = f" by {plan.release_date:%A, %d %B %Y}"
    return (
        f"{plan.service} {plan.version} reaches you{when}. You need do nothing. If the time does not suit you, tell "
        "us: you can have it with a later group."
    )
