"""Conditions of Argo Rollouts mean here what they mean there: the answers beside them are those of expr-lang 1.17.8,
the library that Argo evaluates them with, for eight results each."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.model.condition import BadCondition, Condition

RESULTS = ((), (0.97,), (0.5,), (math.nan,), (math.inf,), (0.97, 0.2), (0.0, 0.0), (3.0, 1.0, 2.0))
NO_NUMBERS = '"a" == "a"', "len(1..3) == 3", "nil == nil", "result == nil", "result[0] >= 0.95 ;"
"""What the language has beside numbers and their lists is refused here."""

TABLE = [
    json.loads(line)
    for line in (Path(__file__).parent / "data/conditions/expr-lang-1.17.8.jsonl").read_text().splitlines()
]


def answer(text: str, result: tuple[float, ...]) -> str:
    try:
        return str(Condition(text).holds(result)).lower()
    except BadCondition:
        return "refused"
    except LookupError:
        return "error"


@pytest.mark.parametrize(("text", "answers"), TABLE, ids=[row[0] for row in TABLE])
def test_a_condition_is_answered_as_argo_answers_it(text: str, answers: list[str]) -> None:
    for result, wanted in zip(RESULTS, answers, strict=True):
        if text in NO_NUMBERS or "refused" in answers:
            wanted = "refused"
        allowed = {wanted}
        if any(math.isnan(value) for value in result):
            allowed.add("error")  # a comparison with NaN is false to Argo; here the measurement has no value
        assert answer(text, result) in allowed, (result, wanted)


def test_no_data_clauses_that_argo_s_documentation_recommends() -> None:
    """argoproj/argo-rollouts#1466, wiggitywhitney/argo-rollouts-istio-prometheus."""
    good = Condition("len(result) == 0 || isNaN(result[0]) || result[0] >= 0.99")
    bad = Condition("len(result) > 0 && !isNaN(result[0]) && result[0] < 0.95")
    for result, success, failure in (((), True, False), ((math.nan,), True, False), ((0.9,), False, True)):
        assert (good.holds(result), bad.holds(result)) == (success, failure)


def test_result_alone_is_its_first_number_and_default_stands_in_for_none() -> None:
    assert Condition("default(result, 0) <= 5").holds(())
    assert Condition("default(result[0], 9) == 9").holds((math.nan,))
    assert not Condition("result > 5").holds((4.0, 6.0))
    with pytest.raises(LookupError, match="no value at"):
        Condition("result > 5").holds(())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("result[0] => 5", "column 11: '=' is not expected here"),
        ("(result[0] > 5", "column 15: ')' is missing"),
        ("result.foo > 1", "column 7: '.' is not expected here"),
        ("len(result)", "gives a number, not true or false: compare it"),
        ("lenght(result) > 1", "lenght() is not known; known are abs, all"),
        ("result[0] >= {{args.limit}}", "column 20: '.' is not expected here"),
        ("# > 1", "'#' is an element"),
        ("", "something is missing here"),
        ("(" * 60 + "true" + ")" * 60, "nested more than 40 deep"),
        ("!" * 900 + "true", "nested more than 40 deep"),
        ("true ||" * 400, "more than 2000"),
    ],
)
def test_what_is_no_condition_says_where_and_why(text: str, words: str) -> None:
    with pytest.raises(BadCondition) as error:
        Condition(text)
    assert words in str(error.value)


@given(
    st.lists(
        st.sampled_from(
            [
                "result",
                "[0]",
                "(",
                ")",
                ">",
                "0.5",
                "&&",
                "||",
                "!",
                "#",
                "all",
                "{",
                "}",
                ",",
                "len",
                "?",
                ":",
                "in",
                "not",
                "1e9",
                "-",
                "**",
                "/",
                "%",
                "nil",
            ]
        )
    )
)
def test_no_text_is_an_internal_error(words: list[str]) -> None:
    for result in RESULTS:
        answer(" ".join(words), result)
