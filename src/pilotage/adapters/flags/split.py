"""The Flags port over the Admin API of Split (Harness FME).

A change is one JSON patch that first tests the rules, the default rule and the kill switch as they were read, so it is
refused as a whole if someone else changed them. Off is Split's own kill switch.
(https://docs.split.io/reference/partial-update-feature-flag-definition-in-environment)
"""

from __future__ import annotations

from urllib.parse import quote

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import split_cohort
from pilotage.adapters.flags.held_elsewhere import HeldElsewhere
from pilotage.adapters.flags.left import Left, words
from pilotage.adapters.flags.remote import ChangedMeanwhile, Remote, understood
from pilotage.adapters.flags.split_approvals import NEEDED, ChangeRequests
from pilotage.adapters.flags.split_config import FlagState, Terms, alone, patch, patched, ramp_of, read_flag
from pilotage.adapters.http import Answer, json_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import JsonObject, WrongJson, find, list_at, whole_at
from pilotage.model.traffic import WHOLE

NEEDS = "the role API_FEATURE_FLAG_EDITOR in the scope of this environment"
_TRIES = 3
"""Of the kill switch, while other requests change the flag at the same moment."""


class Split(HeldElsewhere[FlagState]):
    """sdk: where SDKs read flags, with an SDK key; None without one · release: of titles, such as `shop in
    production`."""

    def __init__(
        self, remote: Remote, terms: Terms, sdk: Remote | None, approvers: tuple[str, ...], fence: Fence, left: Left,
        release: str,
    ) -> None:  # fmt: skip
        super().__init__(terms.where, fence, left)
        self._remote, self._terms, self._sdk = remote, terms, sdk
        self._words = f"Pilotage: {release}"
        self._requests = ChangeRequests(remote, terms, approvers)
        workspace, key, environment = (quote(one, safe="") for one in (terms.workspace, terms.key, terms.environment))
        self._path = f"/splits/ws/{workspace}/{key}/environments/{environment}"
        self._missing = f"flag {terms.key} in environment {terms.environment} of workspace {terms.workspace}"

    def state(self) -> FlagState:
        answer = self._remote.call(
            "GET", self._path, doing=f"read {self._where}", needs="the role API_FEATURE_FLAG_VIEWER",
            missing=self._missing,
        )  # fmt: skip
        return read_flag(json_of(answer.body, "Split"), self._terms)

    def ramp_of(self, state: FlagState) -> Ramp:
        return ramp_of(state)

    def members(self, state: FlagState, users: list[str]) -> set[str]:
        return split_cohort.members(state, users, self.seed())

    def mark(self, state: FlagState) -> str:
        return repr((state.whole.get("lastUpdateTime"), state.killed, state.whole["defaultRule"]))

    def rehearse(self) -> None:
        """On a copy: Split has no preview of a change. Reading shows that the token is valid."""
        with understood(self._where):
            state = self.state()
            self._expect_tester(alone(state, WHOLE, killed=False), on=True)
            self._expect_tester(alone(state, WHOLE, killed=True), on=False)

    def seed(self) -> int:
        """By which users are divided; the same fixed one wherever there is no SDK key. Raises AdapterError."""
        if self._sdk is None:
            return split_cohort.ANY_SEED
        answer = self._sdk.call(
            "GET", f"/splitChanges?s=1.1&since=-1&names={quote(self._terms.key, safe='')}",
            doing=f"read the seed of {self._where}", needs="a server-side SDK key of this environment",
        )  # fmt: skip
        try:
            for one in list_at(json_of(answer.body, "Split"), "splits"):
                if find(one, "name") == self._terms.key:
                    return whole_at(one, "seed")
        except WrongJson as error:
            raise AdapterError(f"{self._where}: what SDKs get cannot be understood: {error}") from None
        raise AdapterError(f"{self._where}: SDKs with the key of `sdk_key` do not get it. Is it of this environment?")

    # ── off ────────────────────────────────────────────────────────────────────────────────────────────────

    def turn_off(self) -> None:
        """One call, before anything is read."""
        for tried in range(1, _TRIES + 1):
            try:
                answer = self._remote.call(
                    "PUT", f"{self._path}/kill", doing=f"kill {self._where}", needs=NEEDS, missing=self._missing,
                    accepted=(403,), urgent=True,
                )  # fmt: skip
                break
            except ChangedMeanwhile:
                if tried == _TRIES:
                    raise
        if answer.status == 403 and self._needs_approval(answer, "kill"):
            state = self.state()
            if ramp_of(state) != OFF:
                title = f"{self._words}: off"
                self._requests.seek(title, {**state.whole, "killed": True}, "KILL", urgent=True)
            self.withdraw()

    def withdraw(self) -> None:
        self._requests.withdraw(self._words)

    # ── on ─────────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, state: FlagState, ramp: Ramp) -> None:
        operations = patch(state, ramp)
        answer = self._remote.call(
            "PATCH", self._path, list[JsonObject](operations), doing=f"change {self._where}", needs=NEEDS,
            missing=self._missing, accepted=(403,),
        )  # fmt: skip
        if answer.status == 403 and self._needs_approval(answer, "change"):
            self._requests.seek(f"{self._words}: {words(ramp)}", patched(state, operations), "UPDATE")
        after = read_flag(json_of(answer.body, "Split"), self._terms)
        if (now := ramp_of(after)) != ramp:
            raise AdapterError(f"{self._where} is {words(now)} after it was set to {words(ramp)}")

    def _needs_approval(self, answer: Answer, doing: str) -> bool:
        """Whether the environment requires approvals. Raises ProviderRefused if the token may not do it."""
        if NEEDED in self._remote.said(answer).lower():
            return True
        raise self._remote.refusal(answer, doing=f"{doing} {self._where}", needs=NEEDS)
