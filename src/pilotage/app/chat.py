"""Turns buttons of chat messages into commands: only from known people, and only for the question that is open now."""

from __future__ import annotations

from pilotage.adapters.slack_callback import Pressed
from pilotage.app.access.chat import refusal_of
from pilotage.app.auditing import in_chat
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.record import Unreadable
from pilotage.model.rollout import CommandKind, Status


def answer(store: Store, pressed: Pressed) -> tuple[int, str]:
    """The HTTP status, and the sentence for the person who pressed. A button of an earlier question, pressed late or
    replayed, changes nothing."""
    try:
        rollout = store.get(pressed.rollout)
    except KeyError:
        return 404, "this rollout does not exist"
    except Unreadable as error:
        return 409, str(error)
    actor = f"slack:{pressed.user}"
    person = next((name for name, known in rollout.snapshot.people.items() if actor in known.aliases), None)
    if person is None:
        return 403, f"nobody in `people` has the alias {actor}, so {pressed.name or pressed.user} may not {pressed.ask}"
    if why := refusal_of(store, person, CommandKind(pressed.ask), rollout.service, rollout.environment):
        return 403, why
    if rollout.state.status.final:
        return 409, f"{rollout.version} is already {rollout.state.status}"
    if pressed.ask == "abort" and rollout.state.status is Status.ROLLING_BACK:
        return 200, f"{rollout.version} is already rolling back"
    try:
        about = None if pressed.ask == "abort" else pressed.about
        said = f"in Slack, by {pressed.name or person}"
        with in_chat(person, pressed.ask):
            store.command(rollout.id, CommandKind(pressed.ask), actor, said, about=about)
    except StoreConflict as error:
        return 409, str(error)
    return 200, f"{pressed.ask} of {rollout.version} recorded for {person}"
