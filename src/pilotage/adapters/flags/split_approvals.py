"""Changes of a flag of Split that need an approval there: a change request, made once and found again by its title.

Split publishes an approved change by itself.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

from pilotage.adapters.flags.remote import Kept, Remote
from pilotage.adapters.flags.split_config import Terms
from pilotage.adapters.http import json_of
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.model.json import JsonObject, WrongJson, each, find, object_at

_log = logging.getLogger(__name__)
_OPEN = "REQUESTED"
_PARTS = ("name", "treatments", "defaultTreatment", "baselineTreatment", "rules", "defaultRule", "trafficAllocation")
NEEDED = "approvals are required"
"""How Split begins its answer to a change that needs a change request (403)."""


class ChangeRequests:
    """Of one flag in one environment. approvers: who is asked; empty for those of the environment."""

    def __init__(self, remote: Remote, terms: Terms, approvers: tuple[str, ...]) -> None:
        self._remote, self._terms, self._approvers = remote, terms, approvers
        self._environment = quote(terms.environment, safe="")
        self._waits = Kept[tuple[str, str]]()

    def seek(self, title: str, definition: JsonObject, operation: str, *, urgent: bool = False) -> None:
        """Raise AwaitsApproval while somebody must approve the change, and AdapterError if it was rejected. definition:
        of the flag, after the change · operation: `UPDATE` or `KILL`."""
        waits = self._waits.get()
        if waits is not None and waits[0] == title:
            raise AwaitsApproval(waits[1])
        found = next((one for one in self._all(urgent=urgent) if one.get("title") == title), None)
        status = str(find(found, "status"))
        if status in ("REJECTED", "DECLINED"):
            raise AdapterError(
                f"{self._terms.where}: the change request “{title}” was rejected in Split. Abort the rollout"
            )
        if found is None or status in ("WITHDRAWN", "CANCELLED", "PUBLISHED", "APPLIED"):
            self._make(title, definition, operation, urgent=urgent)
        sentence = f"{self._terms.where}: the change request “{title}” waits for an approval in Split"
        self._waits.put((title, sentence))
        raise AwaitsApproval(sentence)

    def withdraw(self, release: str) -> None:
        """Withdraw the open change requests of a release, so that nobody approves them after its end. Where that is
        refused, the log says so."""
        self._waits.forget()
        try:
            for one in self._all():
                if str(one.get("title")).startswith(release) and one.get("status") == _OPEN:
                    self._remote.call(
                        "PUT", f"/changeRequests/{quote(str(one.get('id')), safe='')}",
                        {"status": "WITHDRAWN", "comment": "the release was undone"},
                        doing=f"withdraw a change request of {self._terms.where}",
                    )  # fmt: skip
        except (AdapterError, WrongJson) as error:
            _log.warning("a change request may still wait for an approval: %s", error)

    def _all(self, *, urgent: bool = False) -> list[JsonObject]:
        """Of this flag, newest last."""
        answer = self._remote.call(
            "GET", f"/changeRequests?limit=100&environmentId={self._environment}", urgent=urgent,
            doing=f"read the change requests of {self._terms.where}",
        )  # fmt: skip
        found = each(object_at, json_of(answer.body, "Split"), "data")
        return [one for one in found if find(one, "split", "name") == self._terms.key][::-1]

    def _make(self, title: str, definition: JsonObject, operation: str, *, urgent: bool) -> None:
        split = {name: definition[name] for name in (*_PARTS, "killed") if name in definition}
        content: JsonObject = {
            "split": split, "operationType": operation, "title": title, "comment": title,
            "approvers": list(self._approvers),
        }  # fmt: skip
        self._remote.call(
            "POST", f"/changeRequests/ws/{quote(self._terms.workspace, safe='')}/environments/{self._environment}",
            content, doing=f"request an approval for {self._terms.where}", urgent=urgent,
        )  # fmt: skip
