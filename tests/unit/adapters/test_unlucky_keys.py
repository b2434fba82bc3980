"""No flag is refused for its key (R16): whether a share is right is not left to a hash that is fixed for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.cohort import Members
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.flags.murmur3 import murmur3
from pilotage.adapters.flags.unleash_evaluation import confirm
from pilotage.adapters.flags.unleash_strategies import wanted
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import Ramp
from pilotage.model.json import Json, JsonObject, object_at
from pilotage.model.segment import group

UNLUCKY = (("flag-7719e5910a", 10), ("flag-3231f477c1", 1), ("flag-2413", 1), ("flag-0e74ba572a", 25))
"""Keys of Unleash, whose hash gives a share of so many percent to far too many of 500 users."""


def strategies(key: str, percent: int, stickiness: str = "userId", *groups: str) -> list[JsonObject]:
    segments = {name: group(name) for name in groups}
    return list(wanted("Pilotage (shop/production)", Ramp(groups, 10 * percent), key, stickiness, segments).values())


@pytest.mark.parametrize(("key", "percent"), UNLUCKY)
@pytest.mark.parametrize("stickiness", ["userId", "sessionId", "default", "tenant"])
def test_r16_unleash_is_believed_whatever_the_key(key: str, percent: int, stickiness: str) -> None:
    for share in (percent, 0, 100):
        confirm(key, strategies(key, share, stickiness, "a", "b"), Ramp(("a", "b"), 10 * share), stickiness)


def test_r16_unleash_is_believed_at_each_share_of_many_keys() -> None:
    for number in range(4):
        for share in (1, 10, 50):
            confirm(f"key-{number}", strategies(f"key-{number}", share), Ramp((), 10 * share), "userId")


def parameters(**changed: str) -> JsonObject:
    (one,) = strategies("checkout", 10)
    return {**one, "parameters": {**object_at(one, "parameters"), **changed}}


def with_(**changed: Json) -> JsonObject:
    (one,) = strategies("checkout", 10)
    return {**one, **changed}


@pytest.mark.parametrize(
    "served",
    [
        pytest.param([parameters(rollout="11")], id="another share"),
        pytest.param([parameters(groupId="another")], id="another group of users"),
        pytest.param([parameters(stickiness="sessionId")], id="another field"),
        pytest.param([with_(disabled=True)], id="disabled"),
        pytest.param([], id="none"),
        pytest.param([with_(name="default")], id="another kind"),
        pytest.param(
            [with_(constraints=[{"contextName": "tier", "operator": "IN", "values": ["paid"]}])], id="a constraint"
        ),
        pytest.param([with_(segments=[7])], id="a segment"),
        pytest.param(
            [with_(), {"name": "userWithId", "parameters": {"userIds": "user-7,user-8"}}], id="another beside"
        ),
    ],
)
def test_r16_what_reaches_others_in_unleash_is_refused(served: list[Json]) -> None:
    with pytest.raises(AdapterError, match=r"the flag checkout is on for \d+ of 500 users, not for the \d+ whom 10 % "):
        confirm("checkout", served, Ramp((), 100), "userId")


def test_r16_variants_and_a_second_copy_of_ours_change_nobody() -> None:
    ours = with_(variants=[{"name": "red", "weight": 1000, "stickiness": "userId"}])
    confirm("checkout", [ours, with_()], Ramp((), 100), "userId")


@pytest.mark.parametrize(("key", "share"), [("flag-227", 500), ("flag-1138", 1), ("flag-1947", 10), ("flag-1", 100)])
def test_r16_a_flag_in_a_file_is_believed_whatever_the_key(tmp_path: Path, key: str, share: int) -> None:
    flag = FlagdFile(tmp_path / "flags.json", key, Fence(tmp_path / "fence.json", 1))
    flag.apply(Ramp((), share))
    assert flag.read() == Ramp((), share)


def test_r16_a_cohort_that_is_off_by_chance_is_followed_by_a_larger_one() -> None:
    """The seed 490 gives 10 % to 874 of the first 10,000."""
    asked = list[int]()

    def members(users: list[str], percent: int) -> set[str]:
        asked.append(len(users))
        return {user for user in users if murmur3(user.encode(), 490) % 100 < percent}

    cohort = Members()
    cohort.expect(lambda users: members(users, 10), 100, "it")
    cohort.expect(lambda users: members(users, 25), 250, "it")
    assert asked == [10_000, 90_000, 10_000]
    with pytest.raises(AdapterError, match=r"it is on for \d+ of 100000 users of a fixed cohort, not for 30 %"):
        cohort.expect(lambda users: members(users, 28), 300, "it")
