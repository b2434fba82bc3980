"""R21, R22: whatever the order of requests, rollouts, deliveries and deaths, customers hear only what is so."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pilotage.app.announcements import approve, send
from pilotage.app.requests import AnnouncementRequest
from pilotage.engine.records import outbox
from pilotage.model.errors import PilotageError
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status
from pilotage.model.schedule import After
from tests.effort import examples
from tests.unit.app.test_moments import World

ITEMS = {
    "status_page_start": After.START,
    "status_page_done": After.COMPLETED,
    "social_media": After.COMPLETED,
    "success_metrics": After.COMPLETED,
}
CHANNELS = ("customers", "social")


class Releases(RuleBasedStateMachine):
    """One version, blue-green, that is deployed and undone again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.rollout: Rollout | None = None
        self.heard: list[tuple[str, str]] = []
        """Channel and item, in the order of their delivery; `undone` and `deployed` between them."""

    @initialize()
    def begin(self) -> None:
        self.world, self.watched = World(Path(self.place.name)), False
        self.asks(timed=False)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.delivers()
            if self.heard and self.rollout is None:
                self.check_notices()
            self.world.store.close()
        self.place.cleanup()

    # ── people ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(timed=st.booleans())
    def asks(self, timed: bool) -> None:
        plan, at = self.world.plan("2.0.0", "blue-green"), self.world.clock.now() - 3600
        for item, moment in ITEMS.items():
            with contextlib.suppress(PilotageError):  # it is out already, or waits
                approve(self.world.project, "eve", AnnouncementRequest(plan=plan, item=item))
                wish = AnnouncementRequest(
                    plan=plan, item=item, at=at if timed else None, on=After.NOTHING if timed else moment
                )
                send(self.world.project, "eve", wish)

    # ── the rollout ────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.rollout is None)
    @rule()
    def deploys(self) -> None:
        self.rollout, self.watched = self.world.deploys("2.0.0", strategy="blue-green"), False
        self.heard.append(("deployed", ""))

    @precondition(lambda self: self.rollout is not None and not self.watched)
    @rule()
    def ends_its_watch(self) -> None:
        assert self.rollout
        self.rollout, self.watched = self.world.keeps(self.rollout), True

    @precondition(lambda self: self.rollout is not None)
    @rule()
    def is_undone(self) -> None:
        assert self.rollout
        self.world.ends(self.rollout, Status.ROLLED_BACK)
        self.rollout = None
        self.heard.append(("undone", ""))

    # ── the worker ─────────────────────────────────────────────────────────────────────────────────────────

    @rule(days=st.integers(0, 3))
    def works(self, days: int) -> None:
        self.world.clock.pass_(days * 86400.0)
        self.world.works()

    @rule(channel=st.sampled_from(CHANNELS))
    def tries(self, channel: str) -> None:
        """A receiver takes a message, and the sender dies before it has recorded that."""
        now = self.world.clock.now()
        if letter := outbox.claim(self.world.store.engine, channel, "dead", now):
            self.hears(channel, letter.message.key)
            self.world.clock.pass_(outbox.CLAIM + 1)

    @rule()
    def delivers(self) -> None:
        self.world.works()
        for channel in CHANNELS:
            now = self.world.clock.now()
            while letter := outbox.claim(self.world.store.engine, channel, "me", now):
                outbox.delivered(self.world.store.engine, letter, {}, now)
                self.hears(channel, letter.message.key)

    # ── what has to be so ──────────────────────────────────────────────────────────────────────────────────

    def hears(self, channel: str, key: str) -> None:
        item = key.partition("2.0.0/")[2].partition("/")[0]
        assert item == "rollback_notice" or self.rollout is not None, f"{item} was received of an undone release"
        self.heard.append((channel, item))

    def check_notices(self) -> None:
        """Whoever heard of the attempt that was undone heard of that, too, and nobody else."""
        last = max(n for n, one in enumerate(self.heard) if one[0] == "deployed")
        told: set[str] = set()
        noticed: set[str] = set()
        for channel, item in self.heard[last + 1 :]:
            if item:
                (noticed if item == "rollback_notice" else told).add(channel)
        assert told <= noticed, self.heard


TestReleases = Releases.TestCase
TestReleases.settings = settings(
    max_examples=examples(5), stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
