"""R21, R22: of a release that is undone, every place that told of it says so, and no other place hears of it."""

from __future__ import annotations

from pathlib import Path

from pilotage.engine.execution.sender import send_next
from pilotage.engine.records import outbox
from pilotage.engine.records.shown import said
from pilotage.model.rollout import Status

from .test_announcing import folder, run
from .test_moments import World, asked

__all__ = ["folder"]


def sent(world: World) -> list[str]:
    """Deliver what is due, by the channels themselves; the channels that had something."""
    busy = outbox.due(world.store.engine, world.clock.now())
    for channel in busy:
        while send_next(world.store.engine, channel, "the sender", world.clock):
            pass
    return sorted(busy)


def test_4a_page_and_status_page_say_that_it_was_undone_and_the_application_never_heard_of_it(folder: Path) -> None:
    world = World(folder, [
        {"kind": "documentation", "folder": "site"},
        {"kind": "status-page"},
        {"kind": "in-app", "folder": "feeds"},
    ])  # fmt: skip
    (folder / "text.md").write_text("2.0.0 is coming: coupons.")
    run("edit", "documentation_updates", "2.0.0", "text.md")
    asked("documentation_updates")
    asked("status_page_start", "--on", "start")
    asked("in_app_notification", "--on", "completed")
    rollout = world.deploys("2.0.0")
    world.works()
    assert sent(world) == ["documentation", "status-page"]
    page = folder / "site/shop/2.0.0.md"
    assert "coupons" in page.read_text()
    world.ends(rollout, Status.ROLLED_BACK)
    world.works()
    assert sent(world) == ["documentation", "status-page"]
    assert "was rolled back. 1.0.0 serves all users again." in page.read_text()
    assert "coupons" not in page.read_text()
    entries = said(world.store, {"shop": "production"}, world.clock.now())
    assert [entry.text.partition("rolled back")[1] for entry in entries] == ["", "rolled back"]
    assert not (folder / "feeds").exists()
    world.store.close()
