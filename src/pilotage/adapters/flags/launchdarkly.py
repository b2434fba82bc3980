"""The Flags port over LaunchDarkly's REST API.

Changes are semantic patches: each is applied whole or not at all, names only what is ours, and carries the release in
its comment. A human's change at the same moment is therefore never lost, and targeting that a human turned off stays
off. What this rollout left is compared with what is found at every look (`left`).
(https://launchdarkly.com/docs/api/feature-flags/patch-feature-flag)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import quote

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import launchdarkly_cohort
from pilotage.adapters.flags.held_elsewhere import HeldElsewhere
from pilotage.adapters.flags.launchdarkly_approvals import Approvals, Wanted
from pilotage.adapters.flags.launchdarkly_config import (
    TURN_OFF,
    FlagState,
    Terms,
    instructions,
    previewed,
    ramp_of,
    read_flag,
)
from pilotage.adapters.flags.left import Left, words
from pilotage.adapters.flags.remote import ChangedMeanwhile, Remote, understood
from pilotage.adapters.http import Answer, json_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, find, list_at, text_at, truth_at
from pilotage.model.traffic import WHOLE

_log = logging.getLogger(__name__)

SEMANTIC = {"Content-Type": "application/json; domain-model=launchdarkly.semanticpatch"}
NEEDS = "the actions updateOn, updateFallthrough and updateRules for this flag"
_NEEDS_APPROVAL = 405
"""The answer to a change in an environment that requires approvals."""
_TRIES = 3
"""Of the kill switch, while other requests change the flag at the same moment."""


class LaunchDarkly(HeldElsewhere[FlagState]):
    """release: of comments, such as `shop 42 in production`."""

    def __init__(self, remote: Remote, terms: Terms, url: str, fence: Fence, left: Left, release: str) -> None:
        super().__init__(terms.where, fence, left)
        self._remote, self._terms, self._url = remote, terms, url
        self._words = f"Pilotage: {release}"
        self._approvals = Approvals(remote, terms)
        self._path = f"/api/v2/flags/{terms.project}/{terms.key}"

    def rehearse(self) -> None:
        """Let LaunchDarkly preview both changes without saving them, and evaluate the previews for a test user."""
        with understood(self._where):
            state = self.state()
            everyone = Ramp((), WHOLE)
            for ramp, patch, wanted in ((everyone, instructions(state, everyone), True), (OFF, TURN_OFF, False)):
                preview = self.preview(patch)
                # Who must ask for an approval gets no preview; the evaluation is then of the same change, made here.
                shown = previewed(state, ramp) if preview is None else preview
                self._expect_tester(shown, on=wanted)

    def state(self) -> FlagState:
        """The flag now. Raises AdapterError."""
        query = f"?env={quote(self._terms.environment, safe='')}"
        answer = self._remote.call(
            "GET", self._path + query, doing=f"read {self._terms.where}", needs="the role Reader",
            missing=f"flag {self._terms.key} in project {self._terms.project}",
        )  # fmt: skip
        return read_flag(json_of(answer.body, "LaunchDarkly"), self._terms)

    def ramp_of(self, state: FlagState) -> Ramp:
        return ramp_of(state)

    def members(self, state: FlagState, users: list[str]) -> set[str]:
        return launchdarkly_cohort.members(state, users)

    def mark(self, state: FlagState) -> str:
        return repr((state.version, state.salt))

    def preview(self, patch: list[JsonObject]) -> FlagState | None:
        """The flag as a change would leave it, which LaunchDarkly does not save; None if the change needs an approval.
        Raises AdapterError if the token may not make it."""
        answer = self._patch(patch, "?dryRun=true&ignoreConflicts=true", doing="preview a change of")
        if answer.status == _NEEDS_APPROVAL:
            return None
        return read_flag(json_of(answer.body, "LaunchDarkly"), self._terms)

    def _patch(
        self, patch: list[JsonObject], query: str = "", *, doing: str = "change", urgent: bool = False, to: str = ""
    ) -> Answer:
        content: Mapping[str, Json] = {
            "environmentKey": self._terms.environment,
            "comment": f"{self._words}{': ' + to if to else ''}",
            "instructions": patch,
        }
        return self._remote.call(
            "PATCH", self._path + query, content, doing=f"{doing} {self._terms.where}", needs=NEEDS,
            missing=f"flag {self._terms.key} in project {self._terms.project}",
            headers=SEMANTIC, accepted=(_NEEDS_APPROVAL,), urgent=urgent,
        )  # fmt: skip

    # ── off ────────────────────────────────────────────────────────────────────────────────────────────────

    def turn_off(self) -> None:
        """One call, before anything is read. A change that others have scheduled does not stand in its way."""
        for tried in range(1, _TRIES + 1):
            try:
                answer = self._patch(TURN_OFF, "?ignoreConflicts=true", urgent=True, to="off")
                break
            except ChangedMeanwhile:
                if tried == _TRIES:
                    raise
        if answer.status == _NEEDS_APPROVAL:
            if self.state().is_on:
                self._approvals.seek(self._wanted(TURN_OFF, OFF), urgent=True)
            self.withdraw()

    def withdraw(self) -> None:
        self._approvals.withdraw(self._words)

    # ── on ─────────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, state: FlagState, ramp: Ramp) -> None:
        self._check_prerequisites(state)
        wanted = self._wanted(instructions(state, ramp), ramp)
        if self._approvals.under_way(wanted.description):
            self._approvals.seek(wanted)
            return
        answer = self._patch(wanted.instructions, to=words(ramp))
        if answer.status == _NEEDS_APPROVAL:
            self._approvals.seek(wanted)
            return
        after = read_flag(json_of(answer.body, "LaunchDarkly"), self._terms)
        if (now := ramp_of(after)) != ramp:
            raise AdapterError(
                f"{self._terms.where} is {words(now)} after it was set to {words(ramp)}: someone else changed it at "
                "the same moment"
            )
        if after.version > state.version + 1:
            _log.warning(
                "%s: someone else changed it at the same moment (version %s to %s)",
                self._terms.where, state.version, after.version,
            )  # fmt: skip

    def _wanted(self, patch: list[JsonObject], ramp: Ramp) -> Wanted:
        terms = self._terms
        site = f"{self._url}/{terms.project}/{terms.environment}/features/{terms.key}"
        return Wanted(
            description=f"{self._words}: {words(ramp)}", instructions=patch, site=site
        )  # fmt: skip

    def _check_prerequisites(self, state: FlagState) -> None:
        """Raise AdapterError if a prerequisite is off: then nobody would get the flag, whatever its share."""
        if not state.config.get("prerequisites"):
            return
        for key in (text_at(one, "key") for one in list_at(state.config, "prerequisites")):
            environment = self._terms.environment
            answer = self._remote.call(
                "GET", f"/api/v2/flags/{self._terms.project}/{quote(key, safe='')}?env={quote(environment, safe='')}",
                doing=f"read flag {key}, a prerequisite of {self._terms.where}", needs="the role Reader",
                missing=f"flag {key}, which is a prerequisite of {self._terms.where}",
            )  # fmt: skip
            config = find(json_of(answer.body, "LaunchDarkly"), "environments", environment)
            if not truth_at(config, "on"):
                raise AdapterError(
                    f"{self._terms.where} has the prerequisite {key}, whose targeting is off, so nobody would get it. "
                    "Turn the prerequisite on, or remove it"
                )
