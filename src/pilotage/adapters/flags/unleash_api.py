"""The few calls of Unleash's Admin API that change one flag in one environment, and what its refusals mean.

Proven against versions 6 and 8 of the open source edition. It knows the change requests of the Enterprise edition only
as a refusal, the same in every edition: the permission SKIP_CHANGE_REQUEST is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from pilotage.adapters import http
from pilotage.adapters.flags.remote import Provider, ProviderRefused, Remote
from pilotage.adapters.flags.unleash_adapter import UnleashSection
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.adapters.secrets import Secret
from pilotage.model.json import Json, JsonList, JsonObject, find, list_at, object_at, text_at, truth_at

PERMISSIONS = (
    "UPDATE_FEATURE_ENVIRONMENT",
    "CREATE_FEATURE_STRATEGY",
    "UPDATE_FEATURE_STRATEGY",
    "DELETE_FEATURE_STRATEGY",
)
"""What the token's account must be allowed in the flag's environment."""

SKIP = "SKIP_CHANGE_REQUEST"
_EVENTS = 30
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class State:
    """A flag in an environment. on: whether the environment is enabled; strategies decide only then · kind: the flag's
    type, such as release · parents: the flags that it depends on."""

    on: bool
    strategies: JsonList
    kind: str
    parents: JsonList


@dataclass(frozen=True, kw_only=True)
class Edit:
    """An event of a flag in its environment. what: its type · by: whose, as Unleash names them · account: their number
    · at: ISO time, in UTC · title: of the strategy that it is about."""

    what: str
    by: str
    account: Json
    at: str
    title: str


class UnleashApi:
    """Each method is one request, unless it says more. All raise AdapterError; those that write AwaitsApproval."""

    def __init__(self, section: UnleashSection, secrets: Callable[[str], Secret]) -> None:
        self._section = section
        provider = Provider(
            name="Unleash", url=section.url.rstrip("/"), token=section.token,
            authorization=lambda secret: {"Authorization": secret.reveal()},
        )  # fmt: skip
        self._remote = Remote(provider, secrets)
        self._flag = f"/api/admin/projects/{quote(section.project)}/features/{quote(section.key)}"
        self._here = f"{self._flag}/environments/{quote(section.environment)}"

    def state(self) -> State:
        """The flag, its environment, and whom it depends on."""
        section = self._section
        answer = self._asked(
            "GET", self._flag, doing=f"read flag {section.key}", missing=f"flag {section.key} in project "
            f"{section.project}, or it is archived: create it there with the type release",
        )  # fmt: skip
        return self._read(answer, self._state)

    def _state(self, flag: Json) -> State:
        wanted = self._section.environment
        here = next((one for one in list_at(flag, "environments") if find(one, "name") == wanted), None)
        if here is None:
            names = ", ".join(text_at(one, "name") for one in list_at(flag, "environments"))
            raise AdapterError(
                f"flag {self._section.key} of Unleash has no environment {wanted}: its project has {names}"
            )
        return State(
            on=truth_at(here, "enabled"), strategies=list_at(here, "strategies"), kind=text_at(flag, "type"),
            parents=list_at(flag, "dependencies") if find(flag, "dependencies") is not None else [],
        )  # fmt: skip

    def turn(self, *, on: bool) -> None:
        """Off is urgent: it is sent even while Unleash limits requests."""
        word = "on" if on else "off"
        doing = f"turn flag {self._section.key} {word} in {self._section.environment}"
        self._asked("POST", f"{self._here}/{word}", doing=doing, urgent=not on)

    def create(self, strategy: JsonObject) -> None:
        self._asked("POST", f"{self._here}/strategies", strategy, doing=self._doing("add"))

    def change(self, there: JsonObject, strategy: JsonObject) -> None:
        """there: the strategy as Unleash tells it."""
        self._asked("PUT", self._path(there), strategy, doing=self._doing("change"))

    def remove(self, there: JsonObject) -> None:
        self._asked("DELETE", self._path(there), doing=self._doing("remove"), accepted=(404,))

    def refuse_unfit(self, state: State) -> None:
        """Raise AdapterError for a flag that no release may turn on. One request for each flag that it depends on."""
        name = f"flag {self._section.key} of Unleash"
        if state.kind == "permission":
            raise AdapterError(f"{name} has the type permission, which no release changes: use a flag of type release")
        for parent in map(object_at, state.parents):
            other = text_at(parent, "feature")
            if not self._agrees(other, parent):
                raise AdapterError(
                    f"{name} depends on flag {other}, which is not {'on' if parent.get('enabled') else 'off'} for all "
                    f"users in {self._section.environment}: no share of users would be right"
                )

    def _agrees(self, other: str, parent: JsonObject) -> bool:
        path = f"/api/admin/projects/{quote(self._section.project)}/features/{quote(other, safe='')}"
        state = self._read(self._asked("GET", path, doing=f"read flag {other}"), self._state)
        if parent.get("variants") or state.parents:
            return False
        if parent.get("enabled") is False:
            return not state.on
        return state.on and any(_reaches_all(object_at(one)) for one in state.strategies)

    def granted(self) -> frozenset[str] | None:
        """The permissions of the token's account in the environment; None if Unleash does not tell. An admin token of
        older versions has no account."""
        answer = self._asked("GET", "/api/admin/user", doing="read its permissions", accepted=(401, 404))
        if answer.status != 200:
            return None
        return self._read(answer, self._granted)

    def _granted(self, user: Json) -> frozenset[str] | None:
        section = self._section
        held = {
            text_at(one, "permission")
            for one in list_at(user, "permissions")
            if find(one, "project") in (None, "*", section.project)
            and find(one, "environment") in (None, "", section.environment)
        }
        return frozenset({*PERMISSIONS, SKIP} if "ADMIN" in held else held)

    def refuse_unpermitted(self) -> None:
        """Raise AdapterError for permissions that are missing, as far as Unleash tells."""
        granted = self.granted()
        if granted is not None and (lacking := [one for one in PERMISSIONS if one not in granted]):
            raise AdapterError(f"the token {self._section.token} {self._lacks(', '.join(lacking))}")

    def knows_field(self, name: str) -> bool:
        """Whether Unleash has this context field; version 6 refuses rules on others."""
        path = f"/api/admin/context/{quote(name)}"
        return self._asked("GET", path, doing="read context fields", accepted=(404,)).status != 404

    def edits(self) -> tuple[Edit, ...]:
        """What was done to the flag in its environment, newest first; empty if Unleash does not tell."""
        path = f"/api/admin/search/events?feature=IS%3A{quote(self._section.key)}&limit={_EVENTS}"
        try:
            found = self._read(self._asked("GET", path, doing="read its events"), lambda it: list_at(it, "events"))
        except AdapterError:
            return ()
        return tuple(_edit(one) for one in found if find(one, "environment") == self._section.environment)

    def _path(self, there: JsonObject) -> str:
        return f"{self._here}/strategies/{quote(str(there.get('id')), safe='')}"

    def _doing(self, verb: str) -> str:
        return f"{verb} a strategy of flag {self._section.key} in {self._section.environment}"

    def _lacks(self, permissions: str) -> str:
        section = self._section
        return f"lacks {permissions} in project {section.project}, environment {section.environment}"

    def _asked(
        self, method: str, path: str, content: Json = None, *, doing: str, missing: str = "",
        accepted: tuple[int, ...] = (), urgent: bool = False,
    ) -> http.Answer:  # fmt: skip
        answer = self._remote.call(
            method, path, content, doing=doing, missing=missing, urgent=urgent, accepted=(403, *accepted),
            needs="access to the Admin API: client and frontend tokens have none",
        )  # fmt: skip
        if answer.status == 403:
            raise self._forbidden(self._remote.said(answer), doing)
        return answer

    def _forbidden(self, said: str, doing: str) -> AdapterError:
        section = self._section
        if SKIP in said:
            return AwaitsApproval(
                f"Unleash did not {doing}: {section.environment} takes changes by change request",
                cure=f"give the account of {section.token} the permission {SKIP} there, at "
                f"{section.url.rstrip('/')}/projects/{section.project}/settings/access",
            )
        named = re.findall(r'"([A-Z_]+)"', said)
        what = f"Unleash refused to {doing} (403): the token {section.token} "
        if named:
            return ProviderRefused(what + self._lacks(" or ".join(named)), status=403, cure="give it to its account")
        return ProviderRefused(f"{what}is of the wrong kind: {said}", status=403, cure="use that of a service account")

    def _read(self, answer: http.Answer, reader: Callable[[Json], _T]) -> _T:
        try:
            return reader(http.json_of(answer.body, "Unleash"))
        except ValueError as error:
            raise AdapterError(f"Unleash answered with something unexpected: {error}") from None


def _reaches_all(strategy: JsonObject) -> bool:
    everyone = strategy.get("name") == "default" or find(strategy, "parameters", "rollout") == "100"
    narrowed = strategy.get("constraints") or strategy.get("segments") or strategy.get("disabled")
    return everyone and not narrowed


def _edit(event: Json) -> Edit:
    title = find(event, "data", "title") or find(event, "preData", "title")
    return Edit(
        what=str(find(event, "type")), by=str(find(event, "createdBy"))[:80], account=find(event, "createdByUserId"),
        at=str(find(event, "createdAt"))[:19], title=str(title or ""),
    )  # fmt: skip
