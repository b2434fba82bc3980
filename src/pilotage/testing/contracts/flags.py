"""The Flags port: every sentence of its contract that holds for all providers."""

from __future__ import annotations

import pytest

from pilotage.adapters.ports import Fenced
from pilotage.model.flag import OFF, Ramp
from pilotage.testing.harness import FlagsUnderTest


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
        if flag.is_on is None:
            pytest.skip("nothing here answers as a service would")
        flags, users, before = flag.open(1), [f"user-{n}" for n in range(400)], set[str]()
        for share in (100, 500, 1000):
            flags.apply(Ramp((), share))
            on = {user for user in users if flag.is_on(user, "")}
            assert before <= on
            # Five standard deviations.
            assert abs(len(on) / 400 - share / 1000) <= 5 * (share / 1000 * (1 - share / 1000) / 400) ** 0.5
            before = on
        flags.apply(OFF)
        assert not any(flag.is_on(user, "") for user in users)

    def test_a_group_has_it_whatever_the_share(self, flag: FlagsUnderTest) -> None:
        if flag.is_on is None or not flag.can.groups:
            pytest.skip("nothing here answers as a service would, or its capabilities say that it has no groups")
        flag.open(1).apply(Ramp(("beta",), 0))
        assert flag.is_on("ada", "beta")
        assert not flag.is_on("ada", "")

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
