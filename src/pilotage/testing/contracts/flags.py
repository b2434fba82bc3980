"""The Flags port: every sentence of its contract that holds for all providers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest

from pilotage.adapters.ports import AdapterError, Fenced, Flags
from pilotage.model.flag import OFF, Ramp
from pilotage.model.sampling import sampled
from pilotage.model.segment import GROUP, Condition, Operator, Segment
from pilotage.testing.harness import FlagsUnderTest

Context = Mapping[str, str | int | float]

SEGMENTS: Mapping[Operator, tuple[Segment, tuple[Context, ...], tuple[Context, ...]]] = {
    operator: (
        Segment(conditions=(Condition(attribute=attribute, operator=operator, values=values),)),
        tuple({attribute: value} for value in inside),
        ({}, {"another": "free"}, *({attribute: value} for value in outside)),
    )
    for operator, attribute, values, inside, outside in (
        (Operator.IN, "tier", ("free", "trial"), ("free", "trial"), ("paid", "fre", "free trial")),
        (Operator.NOT_IN, "country", ("de", "at"), ("fr", "ch"), ("de", "at")),
        (Operator.STARTS_WITH, "account", ("qa-", "test-"), ("qa-7", "test-"), ("aqa-7", "qa")),
        (
            Operator.ENDS_WITH,
            "email",
            ("@example.com", "@example.org"),
            ("ada@example.org",),
            ("ada@example.net", "com"),
        ),
        (Operator.CONTAINS, "device", ("Mobile", "Tablet"), ("an old Mobile", "Tablet 3"), ("Desktop", "Mob")),
        (Operator.AT_LEAST, "orders", ("10",), (10, 11.5, 1000), (9, 0, -20)),
        (Operator.LESS_THAN, "orders", ("2.5",), (2, 0, -20), (2.5, 3, 100)),
        (Operator.VERSION_AT_LEAST, "app", ("4.10.0",), ("4.10.0", "4.10.1", "10.0.0"), ("4.9.9", "4.2.0", "3.99.99")),
        (Operator.VERSION_LESS_THAN, "app", ("4.10.0",), ("4.9.9", "3.0.0"), ("4.10.0", "4.11.0", "10.0.0")),
    )
}
"""By operator: a segment, contexts of users inside, and contexts of users outside, who may have no such attribute."""


class FlagsContract:
    """Give it a fixture `flag` with a `FlagsUnderTest` whose flag was never set."""

    def test_one_that_was_never_set_is_off(self, flag: FlagsUnderTest) -> None:
        assert flag.open(1).read() == OFF

    def test_what_was_applied_is_read_back_and_twice_changes_nothing(self, flag: FlagsUnderTest) -> None:
        groups: tuple[str, ...] = ("internal", "beta") if flag.can.groups else ()
        grain = flag.can.grain
        for ramp in (Ramp(groups[:1], 0), Ramp(groups, -(-50 // grain) * grain), Ramp((), 1000), OFF):
            flag.open(1).apply(ramp)
            flag.open(1).apply(ramp)
            assert flag.open(1).read() == ramp

    def test_rule_11_a_larger_share_only_adds_users(self, flag: FlagsUnderTest) -> None:
        if flag.answers is None:
            pytest.skip("nothing here answers as a service would")
        answers, flags, before = flag.answers, flag.open(1), set[str]()
        users = [f"user-{n}" for n in range(400)]
        for share in (100, 500, 1000):
            flags.apply(Ramp((), share))
            on = {user for user in users if answers(user, "")}
            assert before <= on
            assert sampled(lambda numbers: sum(answers(f"user-{n}", "") for n in numbers), 400, share / 1000).fits
            before = on
        flags.apply(OFF)
        assert not any(answers(user, "") for user in users)

    def test_a_group_has_it_whatever_the_share(self, flag: FlagsUnderTest) -> None:
        if flag.answers is None or not flag.can.groups:
            pytest.skip("nothing here answers as a service would, or its capabilities say that it has no groups")
        flag.open(1).apply(Ramp(("beta",), 0))
        assert flag.answers("ada", "beta")
        assert not flag.answers("ada", "")
        assert not flag.answers("ada", "alphabeta")

    @pytest.mark.parametrize("operator", Operator)
    def test_r16_a_segment_has_it_whatever_the_share_by_each_operator(
        self, flag: FlagsUnderTest, operator: Operator
    ) -> None:
        segment, inside, outside = SEGMENTS[operator]
        flags = _with(flag, {"some": segment}, operator)
        for share in (0, -(-50 // flag.can.grain) * flag.can.grain):
            flags.apply(Ramp(("some",), share))
            assert flags.read() == Ramp(("some",), share)
            if flag.evaluate is None:
                continue
            assert [one for one in inside if not flag.evaluate("ada", one)] == [], "inside, and without the flag"
            if share == 0:
                assert [one for one in outside if flag.evaluate("ada", one)] == [], "outside, and with the flag"
        flags.apply(OFF)
        assert flags.read() == OFF
        assert flag.evaluate is None or not any(flag.evaluate("ada", one) for one in inside)

    def test_r16_who_is_in_a_segment_satisfies_all_its_conditions(self, flag: FlagsUnderTest) -> None:
        operator = _any_operator(flag)
        segment, inside, _ = SEGMENTS[operator]
        region = Condition(attribute="region", operator=Operator.IN, values=("eu",))
        flags = _with(flag, {"narrow": Segment(conditions=(*segment.conditions, region))}, Operator.IN)
        flags.apply(Ramp(("narrow",), 0))
        assert flags.read() == Ramp(("narrow",), 0)
        if flag.evaluate is not None:
            assert flag.evaluate("ada", {**inside[0], "region": "eu"})
            assert not flag.evaluate("ada", {**inside[0], "region": "us"})
            assert not flag.evaluate("ada", {"region": "eu"})

    def test_r16_segments_and_groups_add_up_in_their_order(self, flag: FlagsUnderTest) -> None:
        operator = _any_operator(flag)
        segment, inside, outside = SEGMENTS[operator]
        flags = _with(flag, {"some": segment, "internal": _of_group("staff")}, operator)
        for groups in (("internal",), ("internal", "beta"), ("internal", "beta", "some")):
            ramp = Ramp(groups, 0)
            flags.apply(ramp)
            assert flags.read() == ramp
        if flag.evaluate is not None:
            assert flag.evaluate("ada", inside[0])
            assert flag.evaluate("ada", {GROUP: "beta"})
            assert flag.evaluate("ada", {GROUP: "staff"}), "its rule in the configuration counts, not its name"
            assert not flag.evaluate("ada", {GROUP: "internal"})
            assert not any(flag.evaluate("ada", one) for one in outside)
        flags.apply(Ramp(("internal",), 1000))
        assert flags.read() == Ramp(("internal",), 1000)

    def test_r16_a_flag_whose_segment_was_changed_in_the_configuration_goes_off_all_the_same(
        self, flag: FlagsUnderTest
    ) -> None:
        operator = _any_operator(flag)
        segment, inside, _ = SEGMENTS[operator]
        _with(flag, {"some": segment}, operator).apply(Ramp(("some",), 0))
        changed = _with(flag, {"some": _of_group("staff")}, operator)
        changed.apply(OFF)
        assert changed.read() == OFF
        assert flag.evaluate is None or not flag.evaluate("ada", inside[0])

    def test_a_change_by_somebody_else_is_not_taken_for_ours(self, flag: FlagsUnderTest) -> None:
        if flag.edit is None:
            pytest.skip("nobody else can change it here")
        flags = flag.open(1)
        before = Ramp(("beta",) if flag.can.groups else (), -(-50 // flag.can.grain) * flag.can.grain)
        flags.apply(before)
        flag.edit()
        with suppress(AdapterError):
            assert flags.read() != before

    def test_what_is_not_ours_stays(self, flag: FlagsUnderTest) -> None:
        if flag.edit_neighbour is None or flag.neighbour is None:
            pytest.skip("this provider has one flag only")
        flags = flag.open(1)
        for value in ("first", "second"):
            flag.edit_neighbour(value)
            flags.apply(Ramp((), 1000 if value == "first" else 0))
            assert flag.neighbour() == value

    def test_the_kill_switch_is_rehearsed_without_touching_the_flag(self, flag: FlagsUnderTest) -> None:
        if not flag.can.rehearse:
            pytest.skip("its capabilities say that it cannot rehearse")
        flags = flag.open(1)
        flags.apply(Ramp((), 1000))
        flags.rehearse()
        assert flags.read() == Ramp((), 1000)

    def test_rule_4_a_controller_that_lost_its_lease_writes_nothing(self, flag: FlagsUnderTest) -> None:
        late = flag.open(1)
        late.apply(OFF)
        flag.open(2).apply(Ramp((), 1000))
        with pytest.raises(Fenced):
            late.apply(OFF)
        assert flag.open(2).read() == Ramp((), 1000)


def _with(flag: FlagsUnderTest, segments: Mapping[str, Segment], operator: Operator) -> Flags:
    """The flag where these segments are configured."""
    if operator not in flag.can.operators:
        pytest.skip(f"its capabilities say that segments cannot compare by {operator}")
    assert flag.open_with is not None, "its capabilities say that it has segments: give FlagsUnderTest.open_with"
    return flag.open_with(1, segments)


def _any_operator(flag: FlagsUnderTest) -> Operator:
    if not flag.can.operators:
        pytest.skip("its capabilities say that it has no segments")
    return flag.can.operators[0]


def _of_group(name: str) -> Segment:
    return Segment(conditions=(Condition(attribute=GROUP, operator=Operator.IN, values=(name,)),))
