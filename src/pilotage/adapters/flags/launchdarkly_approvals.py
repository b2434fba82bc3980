"""Changes of a LaunchDarkly flag that need an approval there: requested once, seen when it is given, then applied.

A request is found again by its description, which names the rollout and what it would change; no file is needed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pilotage.adapters.flags.launchdarkly_config import Terms
from pilotage.adapters.flags.remote import Kept, ProviderRefused, Remote
from pilotage.adapters.http import json_of
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.model.json import Json, JsonObject, WrongJson, find, list_at, object_at, text_at

_log = logging.getLogger(__name__)
_LONGEST = 5000
"""Characters of a description."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """description: what the change does, the same words at every look · site: where people see the flag."""

    description: str
    instructions: list[JsonObject]
    site: str


class Approvals:
    """Of one flag in one environment."""

    def __init__(self, remote: Remote, terms: Terms) -> None:
        self._remote, self._terms = remote, terms
        self._path = (
            f"/api/v2/projects/{terms.project}/flags/{terms.key}/environments/{terms.environment}/approval-requests"
        )
        self._ids: dict[str, str] = {}
        self._waits = Kept[tuple[str, str]]()

    def under_way(self, description: str) -> bool:
        """Whether this change was requested here before. Raises AwaitsApproval if that was asked a moment ago."""
        waits = self._waits.get()
        if waits is not None and waits[0] == description:
            raise AwaitsApproval(waits[1])
        return description in self._ids

    def seek(self, wanted: Wanted, *, urgent: bool = False) -> None:
        """Return once the change is approved and applied. Raises AwaitsApproval while somebody must approve it, and
        AdapterError if it was declined."""
        try:
            self._seek(wanted, urgent=urgent)
        except WrongJson as error:
            raise AdapterError(f"{self._terms.where}: its approval requests cannot be understood: {error}") from None

    def withdraw(self, release: str) -> None:
        """Delete the requests of a release that wait for a review, so that nobody approves them after its end. Where
        that is refused, the log says so."""
        self._ids.clear()
        self._waits.forget()
        try:
            answer = self._remote.call("GET", self._path, doing=f"read the approval requests of {self._terms.where}")
            for one in list_at(json_of(answer.body, "LaunchDarkly"), "items"):
                if str(find(one, "description")).startswith(release) and find(one, "status") == "pending":
                    self._remote.call(
                        "DELETE", f"{self._path}/{text_at(one, '_id')}", accepted=(404,),
                        doing=f"withdraw an approval request of {self._terms.where}",
                        needs="the action deleteApprovalRequest",
                    )  # fmt: skip
        except (AdapterError, WrongJson) as error:
            _log.warning("an approval request may still wait for a review: %s", error)

    def _seek(self, wanted: Wanted, *, urgent: bool) -> None:
        found = self._found(wanted.description, urgent=urgent)
        if found is None:
            content: Json = {"description": wanted.description[:_LONGEST], "instructions": wanted.instructions}
            answer = self._remote.call(
                "POST", self._path, content, doing=f"request an approval for {self._terms.where}",
                needs="the action createApprovalRequest", urgent=urgent,
            )  # fmt: skip
            found = json_of(answer.body, "LaunchDarkly")
        name = text_at(found, "_id")
        self._ids[wanted.description] = name
        match (text_at(found, "status"), text_at(found, "reviewStatus")):
            case ("completed", _):
                self._ids.pop(wanted.description)
            case ("failed", _):
                self._ids.pop(wanted.description)
                raise AdapterError(
                    f"{self._terms.where}: LaunchDarkly could not apply approval request {name} ({wanted.site}). "
                    "Delete it there, and it is requested again"
                )
            case (_, "declined"):
                raise AdapterError(
                    f"{self._terms.where}: approval request {name} was declined ({wanted.site}). Abort the rollout, or "
                    "delete the request there, and it is requested again"
                )
            case (_, "approved"):
                self._apply(name, wanted, urgent=urgent)
            case _:
                self._wait(wanted, f"approval request {name} waits for a review in LaunchDarkly: {wanted.site}")

    def _found(self, description: str, *, urgent: bool) -> Json:
        """The request for this change; None if there is none."""
        doing = f"read the approval requests of {self._terms.where}"
        if name := self._ids.get(description):
            answer = self._remote.call("GET", f"{self._path}/{name}", doing=doing, accepted=(404,), urgent=urgent)
            if answer.status != 404:
                return json_of(answer.body, "LaunchDarkly")
            self._ids.pop(description)
        answer = self._remote.call("GET", self._path, doing=doing, urgent=urgent)
        for one in list_at(json_of(answer.body, "LaunchDarkly"), "items"):
            ours = find(one, "description") == description[:_LONGEST]
            if ours and find(one, "status") in ("pending", "failed"):
                return object_at(one)
        return None

    def _apply(self, name: str, wanted: Wanted, *, urgent: bool) -> None:
        try:
            self._remote.call(
                "POST", f"{self._path}/{name}/apply", {"comment": wanted.description},
                doing=f"apply approval request {name} of {self._terms.where}",
                needs="the action applyApprovalRequest", urgent=urgent,
            )  # fmt: skip
        except ProviderRefused as error:
            if error.status not in (401, 403, 405):
                raise
            self._wait(
                wanted, f"approval request {name} is approved, and this token may not apply it: apply it at "
                f"{wanted.site}, or give the token the action applyApprovalRequest",
            )  # fmt: skip
        self._ids.pop(wanted.description)

    def _wait(self, wanted: Wanted, why: str) -> None:
        sentence = f"{self._terms.where}: {why}"
        self._waits.put((wanted.description, sentence))
        raise AwaitsApproval(sentence)
