"""Deploying several services as one release."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from pilotage.app.plan import Wish, plan_for
from pilotage.app.preconditions import PlanStopped, check_may_begin, check_ready
from pilotage.app.requests import DeployRequest
from pilotage.app.snapshot import snapshot_of
from pilotage.config.loading import Loaded
from pilotage.engine.store import Store, Wanted
from pilotage.model.order import in_order
from pilotage.model.record import Rollout
from pilotage.model.rollout import Pace
from pilotage.model.snapshot import Membership
from pilotage.rollout.machine import begin


def deploy_release(
    store: Store, loaded: Loaded, environment: str, versions: Mapping[str, str], asked: DeployRequest
) -> tuple[Rollout, ...]:
    """Begin a release of several services: all of them wait, and those that wait for nobody begin at once.

    versions: by service. Nothing begins when any plan may not be executed or any environment is busy.
    """
    services = loaded.configuration.services
    plans, told = {}, {}
    for name in in_order({name: section.after for name, section in services.items()}):
        if name not in versions:
            continue
        view = loaded.of(name)
        if environment not in view.configuration.environments:
            raise PlanStopped(f"{view.place('environments')}: {name} has no environment {environment!r}")
        plan = plan_for(view, environment, Wish(versions[name]))
        check_may_begin(store, view, plan, asked)
        serving = store.serving(name, environment)
        if not serving or serving[0] != plan.version:
            plans[name], told[name] = plan, check_ready(store, view, plan, asked)
    identity, now = f"release-{uuid.uuid4().hex[:8]}", store.clock.now()
    wanted = []
    for name, plan in plans.items():
        serving = store.serving(name, environment)
        after = tuple(other for other in services[name].after if other in plans)
        snapshot = replace(
            snapshot_of(loaded.of(name), environment, now, store.directory),
            release=Membership(after=after, lockstep=loaded.configuration.lockstep),
        )
        state = begin(plan, serving[0] if serving else None, Pace.FULL, asked.actor)
        wanted.append(
            Wanted(
                plan=plan, state=state, snapshot=snapshot, actor=asked.actor, queued=True, release=identity,
                more=told[name],
            )
        )  # fmt: skip
    return store.create_group(wanted, now)
