"""Rules and tags of a load balancer of AWS, as data (R28)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb_identity import identity_of, tagged, untagged
from pilotage.adapters.routers.alb_rules import (
    MOST_WEIGHT,
    NOBODY,
    Rule,
    Wanted,
    forward,
    per_mille,
    priorities,
    rule_in,
    told,
    with_header,
    with_last,
)
from pilotage.model.json import JsonObject
from pilotage.model.traffic import HeaderRoute

MAIN = Rule(arn="main", priority=40)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_every_version_is_a_tag_that_aws_takes(version: str) -> None:
    assert untagged(tagged(version)) == version
    assert all(letter.isalnum() or letter in " .:/=+-@_" or letter.isspace() for letter in tagged(version))


@given(st.integers(1, 999))
def test_every_per_mille_is_a_weight_that_means_exactly_that(weight: int) -> None:
    weights = told([("new", weight), ("old", 1000 - weight)])
    assert max(weights.values()) <= MOST_WEIGHT
    assert dict(per_mille(weights)) == {"new": weight, "old": 1000 - weight}
    assert per_mille(told([("new", 1000), ("old", 0)])) == (("new", 1000),)


def test_weights_that_are_no_per_mille_are_somebody_elses() -> None:
    with pytest.raises(AdapterError, match="no whole per mille"):
        per_mille({"a": 1, "b": 2})


@pytest.mark.parametrize("service", ["shop", "internal-shop", "a" * 63, "x-", "9"])
def test_names_of_groups_are_such_as_aws_takes(service: str) -> None:
    name = identity_of(service, "production", ["arn"]).group("1.0")
    assert len(name) <= 32
    assert not name.startswith(("internal-", "-"))
    assert name != identity_of(service, "production", ["arn"]).group("1.1")
    assert name != identity_of(service, "staging", ["arn"]).group("1.0")


def test_users_are_kept_only_where_they_have_a_choice() -> None:
    """A cookie of the only group would keep everybody from a canary."""
    assert "TargetGroupStickinessConfig" not in str(forward({"a": 1}, 60))
    assert "TargetGroupStickinessConfig" not in str(forward({"a": 1, "b": 0}, 60))
    assert "'DurationSeconds': 60" in str(forward({"a": 1, "b": 1}, 60))


def login(kind: str) -> JsonObject:
    config = f"{kind.title().replace('-', '')}Config"
    return {"Type": kind, "Order": 1, config: {"ClientId": "shop"}}


def test_a_login_in_front_stays_and_keeps_the_secret_that_aws_does_not_show() -> None:
    last = forward({"a": 1})
    oidc, then = with_last([login("authenticate-oidc"), last], forward({"b": 1}))
    assert "'UseExistingClientSecret': True" in str(oidc)
    assert "'Order': 2" in str(then)
    cognito = Rule(arn="main", priority=1, actions=(login("authenticate-cognito"), last))
    assert len(Wanted(role="route 0 0", priority=1, conditions=(), target=last, like=cognito).actions) == 2
    hidden = Rule(arn="main", priority=1, actions=(login("authenticate-oidc"), last))
    with pytest.raises(AdapterError, match="the secret of the rule's login"):
        _ = Wanted(role="route 0 0", priority=1, conditions=(), target=last, like=hidden).actions


def test_a_rule_is_read_as_it_may_be_written_again() -> None:
    """AWS shows the values of a condition twice, and takes them once; rewrites of paths are kept for testers, too."""
    found = rule_in({
        "RuleArn": "r", "Priority": "7",
        "Conditions": [{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": "b", "Order": 2}, login("authenticate-cognito")],
        "Transforms": [{"Type": "url-rewrite"}],
    })  # fmt: skip
    assert found.conditions == ({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}},)
    assert (found.weights, found.transforms) == ({"b": 1}, ({"Type": "url-rewrite"},))


def test_header_routes_have_room_in_conditions_and_priorities_or_are_refused() -> None:
    five: JsonObject = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["a", "b", "c", "d", "e"]}}
    with pytest.raises(AdapterError, match="there is no room for x-release"):
        with_header([five], HeaderRoute("x-release", "canary", "2.0"))
    assert priorities(MAIN, [MAIN, Rule(arn="o", priority=37)], 2) == (38, 39)
    with pytest.raises(AdapterError, match="39 is not free"):
        priorities(MAIN, [Rule(arn="o", priority=39)], 1)
    with pytest.raises(AdapterError, match="0 is not free"):
        priorities(Rule(arn="first", priority=1), [], 1)
    default = Rule(arn="default", priority=None)
    assert priorities(default, [Rule(arn="o", priority=90)], 2) == (91, 92)
    waiting = Rule(arn="w", priority=50_000, conditions=(NOBODY,))
    assert priorities(default, [Rule(arn="o", priority=90), waiting], 1) == (91,)
    with pytest.raises(AdapterError, match="renumber the listener's rules"):
        priorities(default, [Rule(arn="o", priority=50_000)], 1)
