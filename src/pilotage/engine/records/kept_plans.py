"""Plans by their hash: those of rollouts, and those that people made on a page and may deploy later."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.statements import plan_row
from pilotage.engine.records.tables import plans, rollouts
from pilotage.model.plan import Plan
from pilotage.model.plan_formats import read_plan


def keep(engine: Engine, plan: Plan) -> None:
    """Once, however often it is made."""
    with engine.connect() as connection:
        if connection.scalar(select(plans.c.hash).where(plans.c.hash == plan.hash)):
            return
    with suppress(IntegrityError), engine.begin() as connection:  # another request may have been faster
        connection.execute(insert(plans).values(**plan_row(plan)))


def called(engine: Engine, hash_: str) -> Plan | None:
    """The plan with this hash, or with the only one that begins so. None where there is none. Raises ValueError where
    this version cannot read it."""
    query = select(plans.c.body).where(plans.c.hash >= hash_, plans.c.hash < f"{hash_}g").limit(2)
    with engine.connect() as connection:
        found = connection.scalars(query).all()
    return read_plan(found[0]) if len(found) == 1 else None


def last_of(engine: Engine, service: str, environment: str, but: str) -> str | None:
    """Hash of the plan of the rollout that started last in the environment, other than this one."""
    here = (rollouts.c.service == service, rollouts.c.environment == environment)
    query = select(rollouts.c.plan_hash).where(*here, rollouts.c.sequence.is_not(None), rollouts.c.plan_hash != but)
    with engine.connect() as connection:
        return connection.scalar(query.order_by(rollouts.c.sequence.desc()).limit(1))
