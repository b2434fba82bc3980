"""The audit log's side of every use case: says who acts before anything changes, and writes what no table shows.

The engine writes the rows (`engine/records/acts.py`): a use case that asks for permission cannot leave the log out.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission, Thing
from pilotage.engine.records import doing
from pilotage.model.access import Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.audit import Act, Outcome

if TYPE_CHECKING:
    from pilotage.app.project import Project
    from pilotage.engine.records.store import Store

CHANGES: Mapping[Permission, tuple[str, ...]] = {
    Permission.READ: (),
    Permission.PLAN: (),
    Permission.READ_AUDIT: (),
    Permission.DEPLOY: ("rollout", "ways"),
    Permission.ROLL_BACK: ("rollout", "commands"),
    Permission.COMMAND: ("commands", "way_commands"),
    Permission.APPROVE: ("commands", "way_commands"),
    Permission.TAKE_BACK: ("commands", "way_commands"),
    Permission.CLEAN: ("rollout",),
    Permission.FREEZE: ("freezes",),
    Permission.MOVE_TENANT: ("wave_moves",),
    Permission.SIGN_OFF: ("signatures", "followups"),
    Permission.WAIVE: ("signatures",),
    Permission.ANNOUNCE: ("announcements", "outreach_answers"),
    Permission.APPROVE_ANNOUNCEMENT: ("announcements",),
    Permission.REPORT: ("reports",),
    Permission.DECIDE_REPORT: ("reports", "commands"),
    Permission.FOLLOW_UP: ("followups",),
    Permission.WORK_PHASE: ("schedules", "activities"),
    Permission.BOARD_LATE: ("boardings",),
    Permission.DECIDE: ("activities",),
    Permission.MEET: ("meetings",),
    Permission.ADOPT: ("environments",),
    Permission.MANAGE_PEOPLE: ("persons", "passkeys", "grants", "custom_roles", "sessions"),
    Permission.MANAGE_TOKENS: ("tokens",),
}
"""The tables in whose changes a use case with this permission shows. It reads only, where there are none."""

OUTSIDE = frozenset({
    Permission.KILL_FLAG, Permission.STOP, Permission.BACK_UP, Permission.PRUNE, Permission.EXECUTE,
    Permission.ROTATE_KEY, Permission.CONFIGURE,
})  # fmt: skip
"""What these change is not in an audited table, so a row is written before they do it."""

_sign_ins = logging.getLogger("pilotage.sign_ins")

CONFIGURATION = "pilotage.yaml"
_AGAIN_AFTER = 60.0
_refused: dict[tuple[str, str, str, str], float] = {}
"""When each refusal was last written by this process: who asks every second fills no log."""


def begin(project: Project, actor: str, permission: Permission, thing: Thing) -> None:
    """Say what is done from now on, before it is done."""
    act = act_of(project, actor, permission, thing)
    doing.begin(act)
    outside = permission in OUTSIDE
    if outside or (project.has_store and CHANGES.get(permission)):
        # The next act notes it, too: users are taken back also while the disk has no room for this.
        with suppress(*((Exception,) if permission is Permission.TAKE_BACK else ())):
            note_configuration(project)
    if outside:
        from pilotage.engine.records import audit

        audit.write(project.store.engine, act, project.clock.now(), outcome=Outcome.ALLOWED)


def begin_as(project: Project, actor: str, action: str, thing: Thing) -> None:
    """The same for what needs no permission, such as a token of one's own."""
    doing.begin(replace(act_of(project, actor, Permission.READ, thing), action=action))


def refuse(project: Project, actor: str, permission: Permission, thing: Thing, why: str) -> None:
    """Write that someone was refused; the same again within a minute is one row. A refusal makes no store."""
    from pilotage.engine.records import audit

    act = act_of(project, actor, permission, thing, why)
    key, now = (act.actor, act.action, act.service, act.environment), time.monotonic()
    if not project.has_store or now - _refused.get(key, -_AGAIN_AFTER) < _AGAIN_AFTER:
        return
    if len(_refused) > 10_000:
        _refused.clear()
    _refused[key] = now
    audit.write(project.store.engine, act, project.clock.now(), outcome=Outcome.REFUSED)


def act_of(project: Project, actor: str, permission: Permission, thing: Thing, reason: str = "") -> Act:
    identity, known = project.identity, doing.current()
    action, proof = action_of(permission), known.proof if known else project.proof
    if identity is not None:
        return Act(
            actor=actor, kind=identity.kind.value, proof=_proof(identity.proof, identity.token), action=action,
            address=identity.address, service=thing.service, environment=thing.environment, reason=reason,
        )  # fmt: skip
    return Act(
        actor=actor, kind=known.kind if known else ActorKind.PERSON.value, proof=proof,
        address=known.address if known else "", action=action, service=thing.service, environment=thing.environment,
        reason=reason,
    )  # fmt: skip


def action_of(permission: Permission) -> str:
    """As it is written in the log, such as `take-back`."""
    return permission.name.lower().replace("_", "-")


def _proof(proof: Proof, token: str) -> str:
    return f"{proof} {token}" if token else proof.value


def in_shell(project: Project, command: str) -> Callable[[], None]:
    """A command begins: what it changes without asking for permission is audited too. Returns what ends it."""
    if project.identity is not None:
        in_request(project.identity, command)
    else:
        doing.begin(
            lambda: Act(actor=project.actor, kind=ActorKind.PERSON, proof=project.proof, action=command)
        )  # fmt: skip
    return lambda: doing.begin(None)


def in_request(identity: Identity | None, what: str) -> None:
    """A request to the server begins in this context; a change that it makes without asking is audited too. what: empty
    for one that only reads."""
    if identity is None or not what:
        doing.begin(None)
        return
    doing.begin(
        Act(
            actor=identity.name, kind=identity.kind, proof=_proof(identity.proof, identity.token), action=what,
            address=identity.address,
        )
    )  # fmt: skip


# ── logins ─────────────────────────────────────────────────────────────────────────────────────────────────


def failed_login(store: Store, name: str, proof: Proof, address: str, why: str) -> None:
    """A wrong password, code or key. A name that nobody has is not kept: people type passwords there."""
    from pilotage.engine.records import audit

    known = store.persons.called(name) is not None
    act = Act(
        actor=name if known else "(unknown name)", kind=ActorKind.PERSON, proof=proof, action="sign-in",
        address=address, object=name if known else "", reason=why,
    )  # fmt: skip
    _sign_ins.warning("%s did not sign in from %s: %s", act.actor, address, why)
    audit.write(store.engine, act, store.clock.now(), outcome=Outcome.FAILED)


def failed_job(store: Store, address: str, why: str) -> None:
    """An id-token of a CI job that was not accepted."""
    from pilotage.engine.records import audit

    act = Act(
        actor="(CI job)", kind=ActorKind.MACHINE, proof=Proof.CI, action="sign-in", address=address, reason=why
    )  # fmt: skip
    _sign_ins.warning("a CI job did not sign in from %s: %s", address, why)
    audit.write(store.engine, act, store.clock.now(), outcome=Outcome.FAILED)


@contextmanager
def signing_in(name: str, proof: Proof, address: str, kind: ActorKind = ActorKind.PERSON) -> Iterator[None]:
    """What a login changes is the change of who logs in."""
    with doing.doing(Act(actor=name, kind=kind, proof=proof, action="sign-in", address=address)):
        yield


@contextmanager
def by_link(name: str, what: str, by: str, address: str) -> Iterator[None]:
    """What a one-time link changes. by: who made the link; empty where the server's start did."""
    reason = f"the link was made by {by}" if by else ""
    act = Act(actor=name, kind=ActorKind.PERSON, proof=Proof.LINK, action=what, address=address, reason=reason)
    with doing.doing(act):
        yield


@contextmanager
def in_chat(person: str, what: str) -> Iterator[None]:
    """What a message of a chat asks for, by a person whose name there is an alias."""
    with doing.doing(Act(actor=person, kind=ActorKind.PERSON, proof=Proof.CHAT, action=what)):
        yield


@contextmanager
def by_worker() -> Iterator[None]:
    """What the worker does because somebody ordered it before."""
    with doing.doing(Act(actor="worker", kind=ActorKind.MACHINE, proof=Proof.ORDER, action="carry-out")):
        yield


# ── the configuration ──────────────────────────────────────────────────────────────────────────────────────


def note_configuration(project: Project) -> None:
    """Write down that pilotage.yaml is another than before, when that is first seen."""
    from pilotage.engine.records import audit

    try:
        digest = hashlib.sha256(project.config.read_bytes()).hexdigest()
    except OSError:
        return
    with project.store.engine.connect() as connection:
        last = audit.last_about(connection, CONFIGURATION)
    before = dict(last.after or {}) if last else None
    if before == {"sha256": digest}:
        return
    act = Act(
        actor=_owner(project), kind=ActorKind.PERSON, proof="owner of the file", action="edit-configuration",
        object=CONFIGURATION,
    )  # fmt: skip
    audit.write(project.store.engine, act, project.clock.now(), before=before, after={"sha256": digest})


def _owner(project: Project) -> str:
    try:
        return project.config.owner()
    except (OSError, KeyError):
        return "(unknown)"
