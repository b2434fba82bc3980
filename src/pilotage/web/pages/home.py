"""What rolls out now, what waits for me, what is frozen, what ended lately, and the days ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from pilotage.app.now import Now, Rolling, now_of
from pilotage.app.outages import Outage, Presence
from pilotage.app.permissions import Permission
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.model.quantity import format_share
from pilotage.model.status import Status
from pilotage.model.text import brief
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.pages.rollout_view import Pill, pill_of, pill_of_state
from pilotage.web.pages.spoken import spoken
from pilotage.web.route import Asked, Audience, Kind, Route, Sharing


@dataclass(frozen=True, kw_only=True)
class Row:
    """A rollout under way. share, wanted: percent of the new version, None where nobody could read it."""

    rolling: Rolling
    pill: Pill
    share: float | None
    wanted: float | None
    words: str


def _home(asked: Asked) -> Response:
    site, zone = asked.site, asked.site.zone
    today = datetime.fromtimestamp(site.store.clock.now(), UTC).astimezone(zone).date()
    now = now_of(asked.project, asked.eyes, zone, site.frozen_days(today))
    outages = [one for one in site.outages(asked.version) if asked.eyes.sees(one.service, one.environment)]
    return page(
        asked, "home.html.j2", now=now, rows=[_row(one) for one in now.rolling], title=_title(now, outages),
        pill_of=pill_of,
        today=today, outages=outages, may_plan=asked.eyes.somewhere(Permission.PLAN),
    )  # fmt: skip


def _row(rolling: Rolling) -> Row:
    live = rolling.live
    shown = live.routed if live.routed is not None else live.observed
    return Row(
        rolling=rolling,
        pill=pill_of_state(rolling.whole.state) if rolling.whole else pill_of(rolling.summary.status),
        share=None if shown is None else shown / 10, wanted=None if live.wanted is None else live.wanted / 10,
        words=", ".join(_words(rolling)),
    )  # fmt: skip


def _words(rolling: Rolling) -> Iterator[str]:
    """Why it stands still, or how far its step is and what the metrics say."""
    live, summary = rolling.live, rolling.summary
    if summary.reason and summary.status is not Status.PROGRESSING:
        yield brief(summary.reason, 200)
        return
    yield "first deployment" if summary.old is None else f"at the {format_share(summary.weight / WHOLE)} step"
    if live.duration:
        yield f"{spoken(live.watched)} of {spoken(live.duration)}"
    kinds = [one.kind for one in live.verdicts]
    if kinds:
        bad = kinds.count("fail")
        unsure = len(kinds) - kinds.count("pass") - bad
        yield f"{bad} fail{'s' * (bad == 1)}" if bad else f"{unsure} without a verdict yet" if unsure else "all pass"


def _title(now: Now, outages: Sequence[Outage]) -> str:
    """What matters most first: users without the service."""
    down = [one for one in outages if one.presence is Presence.OFFLINE]
    count, mine = len(now.rolling) + now.more, len(now.waiting)
    rolling = "Nothing rolls out" if not count else f"{counted(count, 'release')} rolling out"
    waits = f"{counted(mine, 'thing')} wait{'s' * (mine == 1)} for you" if mine else "nothing waits for you"
    if not down:
        return f"{rolling}, {waits}"
    one = f"{down[0].service} in {down[0].environment} is offline"
    lead = one if len(down) == 1 else f"{len(down)} environments are offline"
    return f"{lead}; {rolling[:1].lower()}{rolling[1:]}, {waits}"


def _json(asked: Asked) -> Response:
    store = asked.site.store
    found = [one for one in store.active() if asked.sees(one.service, one.environment)]
    return json_answer(HistoryOutput(rollouts=rollout_outputs(found, store.live_views([one.id for one in found]))))


ROUTES = (
    Route(
        method="GET", path="/", permission=Audience.SIGNED_IN, answer=_home, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="What rolls out now, and what waits for me.",
    ),
    Route(
        method="GET", path="/now.json", permission=Audience.SIGNED_IN, answer=_json, kind=Kind.PAGE,
        shared=Sharing.ROLES,
        summary="What rolls out now, as JSON.", gives=HistoryOutput,
    ),
)  # fmt: skip
