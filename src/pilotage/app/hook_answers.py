"""Tells a code host how a deployment goes that it asked for by a hook: its states, until the rollout is over.

A deployment's state is set, not added to: it is read first, so that a worker that is killed tells nothing twice.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.adapters.code_host import CodeRepository, TryLater
from pilotage.adapters.deployments import set_state
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.app.standing import standing
from pilotage.config.hooks import HookSection
from pilotage.engine.records import hook_answers
from pilotage.engine.records.hook_answers import HookAnswer
from pilotage.engine.records.store import Store
from pilotage.model.deployment import DeploymentState, deployment_state
from pilotage.model.json import Json, WrongJson, text_at, whole_at
from pilotage.model.record import RolloutSummary
from pilotage.model.text import line

_LOOK_AGAIN = 2.0
_MOST_TRIES = 12
"""In vain; the last one comes about an hour after the first."""
_log = logging.getLogger(__name__)


def remember(store: Store, name: str, section: HookSection, message: Json, rollout: str) -> None:
    """That the deployment of this message is to hear of the rollout, where the hook answers."""
    if section.answer is None:
        return
    try:
        number, repository = (
            whole_at(message, "deployment", "id"),
            line(text_at(message, "repository", "full_name"), 200),
        )
    except WrongJson as error:
        _log.warning("hook %s: the message names no deployment: %s", name, error)
        return
    hook_answers.owe(
        store.engine,
        HookAnswer(
            rollout=rollout, hook=name, repository=repository, deployment=number, told="", tries=0,
            due=store.clock.now(),
        ),
    )  # fmt: skip


def tell(store: Store, directory: Path) -> None:
    """Tell what is new."""
    now = store.clock.now()
    for one in hook_answers.owed(store.engine, now):
        loaded = standing(directory)
        section = loaded.configuration.server.hooks.get(one.hook) if loaded else None
        if section is None or section.answer is None:
            hook_answers.keep(store.engine, one, one.told, one.tries, None)
            continue
        _tell(store, one, section, now)


def _tell(store: Store, one: HookAnswer, section: HookSection, now: float) -> None:
    rollout = store.look_up(one.rollout)
    state = deployment_state(rollout.status, None)
    over = None if rollout.status.final else now + _LOOK_AGAIN
    if state.value == one.told:
        hook_answers.keep(store.engine, one, one.told, 0, over)
        return
    try:
        _set(one, section, rollout, state)
    except AdapterError as error:
        _log.warning("deployment %s of %s did not hear of %s: %s", one.deployment, one.repository, state, error)
        tries = one.tries + 1
        wait = error.after if isinstance(error, TryLater) and error.after else min(_LOOK_AGAIN**tries, 600.0)
        hook_answers.keep(store.engine, one, one.told, tries, now + wait if tries < _MOST_TRIES else None)
        return
    hook_answers.keep(store.engine, one, state.value, 0, over)


def _set(one: HookAnswer, section: HookSection, rollout: RolloutSummary, state: DeploymentState) -> None:
    assert section.answer is not None
    place = CodeRepository(
        kind="github", repository=one.repository, url=section.api, token=resolve(section.answer).reveal()
    )
    said = f"{rollout.version} is {rollout.status}{f': {rollout.reason}' * bool(rollout.reason)}"
    set_state(place, one.deployment, state, said, rollout.environment)
