"""Each strategy has the words of its own: only a canary is called one."""

from __future__ import annotations

import pytest

from pilotage.judge.wording import worded, words_of
from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.observation import Verdict, VerdictKind

BOTH = "canary 2 % (4 of 200), stable 0 % (0 of 900); 4 users with errors on the canary, 0 on stable"


@pytest.mark.parametrize(
    ("strategy", "first", "flag", "sentence"),
    [
        (S.CANARY, False, False, BOTH),
        (S.ROLLING, False, False, BOTH.replace("the canary", "the new version").replace("canary", "new version")),
        (S.CANARY, True, False, BOTH.replace("the canary", "the new version").replace("canary", "new version")),
        (
            S.FEATURE_TOGGLE, False, True,
            "flag on 2 % (4 of 200), flag off 0 % (0 of 900); 4 users with errors with the flag on, 0 with it off",
        ),
    ],
)  # fmt: skip
def test_a_verdict_names_both_sides_as_the_strategy_does(strategy: S, first: bool, flag: bool, sentence: str) -> None:
    verdict = Verdict("error rate", VerdictKind.FAIL, BOTH)
    assert worded(verdict, words_of(strategy, first=first, flag=flag)).sentence == sentence


@pytest.mark.parametrize("theirs", ["/canary", "/v1/canary/list", "canary-7", "/stable.json"])
def test_a_route_or_an_instance_of_that_name_keeps_it(theirs: str) -> None:
    verdict = Verdict("error rate", VerdictKind.FAIL, f"canary 2 %; most on {theirs}")
    assert (
        worded(verdict, words_of(S.FEATURE_TOGGLE, first=False, flag=True)).sentence == f"flag on 2 %; most on {theirs}"
    )
