"""Key accounts and a release: to whom customer success wrote, and who answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.config.accounts import AccountSection, accounts_in
from pilotage.engine.records import outreach as rows
from pilotage.model.output.records import AccountOutput, AccountsOutput
from pilotage.model.timestamp import timestamp


@dataclass(frozen=True, kw_only=True)
class Account:
    """sent: when the newest message went to it, Unix seconds; None before · refused: none of its addresses is known ·
    answer: None before it answered."""

    name: str
    contacts: tuple[str, ...]
    owner: str
    sent: float | None
    refused: bool
    answer: rows.Answer | None


def accounts_of(project: Project, environment: str, version: str) -> tuple[Account, ...]:
    """Every account of the configuration, in its order. Raises Unclear, BadAccounts."""
    place = (project.loaded.configuration.service, environment, version)
    sent, refused = rows.reached(project.store.engine, place)
    answers = rows.answers(project.store.engine, place)
    return tuple(
        Account(
            name=name, contacts=tuple(one.contacts), owner=one.owner or "", sent=sent.get(name),
            refused=name in refused, answer=answers.get(name),
        )
        for name, one in _known(project).items()
    )  # fmt: skip


def note_answer(project: Project, actor: str, environment: str, version: str, account: str, words: str) -> None:
    """Raises Unclear for an account that is not there, Forbidden."""
    project.require(actor, Permission.ANNOUNCE, environment)
    if account not in (known := _known(project)):
        raise Unclear(f"there is no account {account!r}; there are {', '.join(known)}")
    answer = rows.Answer(account=account, words=words, actor=actor, at=project.clock.now())
    rows.keep(project.store.engine, (project.loaded.configuration.service, environment, version), answer)


def _known(project: Project) -> Mapping[str, AccountSection]:
    from pilotage.adapters.notify.sections import EmailSection

    found: dict[str, AccountSection] = {}
    for channel in project.loaded.configuration.notify:
        if isinstance(channel, EmailSection) and channel.accounts_file is not None:
            found |= accounts_in(project.loaded.folder / channel.accounts_file)
    if not found:
        raise Unclear(f"{project.config} names no accounts: add `accounts_file` to a channel of kind email")
    return found


def accounts_output(version: str, accounts: tuple[Account, ...]) -> AccountsOutput:
    """The same as JSON."""
    return AccountsOutput(version=version, accounts=tuple(_output(one) for one in accounts))


def _output(one: Account) -> AccountOutput:
    answer = one.answer
    return AccountOutput(
        account=one.name, contacts=one.contacts, owner=one.owner, sent_at=timestamp(one.sent), refused=one.refused,
        answered_at=timestamp(answer.at if answer else None), answer=answer.words if answer else "",
        noted_by=answer.actor if answer else "",
    )  # fmt: skip
