"""A flag of Split (Harness FME) keeps every sentence of the Flags port (R16), evaluated by Split's own SDK."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import split_cohort
from pilotage.adapters.flags.cohort import SIZE, cohort
from pilotage.adapters.flags.remote import ChangedMeanwhile, ProviderLimits
from pilotage.adapters.flags.split import Split
from pilotage.adapters.flags.split_adapter import ADAPTER, SplitSection
from pilotage.adapters.flags.split_adapter import _opened as opened
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.adapters.secrets import Secret
from pilotage.model.flag import OFF, Ramp
from pilotage.model.segment import Segment
from pilotage.testing import FlagsUnderTest
from pilotage.testing.contracts.flags import FlagsContract
from pilotage.testing.harness import written
from tests.rest_server import Answered, Asked, serving
from tests.split import ADMIN, ENVIRONMENT, FLAG, READER, SDK_KEY, TOKEN, WORKSPACE, SplitServer

pytestmark = pytest.mark.real
TEN, QUARTER = Ramp((), 100), Ramp((), 250)


@pytest.fixture
def server() -> Iterator[SplitServer]:
    made = SplitServer()
    with serving(made):
        yield made
    made.close()


class Opening:
    """Opens the flag, as often and by as many controllers as wanted."""

    def __init__(self, server: SplitServer, place: Path) -> None:
        self.server, self.place = server, place

    def section(self, segments: Mapping[str, Segment] | None = None, **settings: Any) -> SplitSection:
        return SplitSection.model_validate(
            {
                "kind": "split", "workspace": WORKSPACE, "environment": ENVIRONMENT, "key": FLAG,
                "token": "secret://env/SPLIT_TOKEN", "sdk_key": "secret://env/SPLIT_SDK_KEY",
                "url": self.server.url + ADMIN, "sdk_url": self.server.url + "/api",
                "segments": written(segments or {}), **settings,
            }
        )  # fmt: skip

    def __call__(
        self, token: int = 1, *, rollout: str = "", secret: str = TOKEN, segments: Mapping[str, Segment] | None = None,
        **settings: Any,
    ) -> Split:  # fmt: skip
        return opened(self.section(segments, **settings), self.context(token, rollout, secret))

    def context(self, token: int = 1, rollout: str = "", secret: str = TOKEN) -> Context:
        def secrets(name: str) -> Secret:
            return Secret(SDK_KEY if "SDK" in name else secret)

        return Context(
            directory=self.place / "flags", fence=Fence(self.place / "fence.json", token), service="shop",
            environment="production", rollout=rollout, folder=self.place, secrets=secrets,
        )  # fmt: skip


@pytest.fixture
def opening(server: SplitServer, tmp_path: Path) -> Opening:
    return Opening(server, tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cohort by our own bucketing, which a test below compares with the SDK's."""
    monkeypatch.setattr(split_cohort, "has_sdk", lambda: False)


class TestSplit(FlagsContract):
    """What holds for every provider; below is what only this one promises."""

    @pytest.fixture
    def flag(self, server: SplitServer, opening: Opening) -> FlagsUnderTest:
        return FlagsUnderTest(
            open=lambda token: opening(token),
            open_with=lambda token, segments: opening(token, segments=segments),
            evaluate=server.evaluate,
            edit=lambda: server.edit(defaultRule=server.share(33)),
            can=ADAPTER.capabilities,
            edit_neighbour=lambda value: server.flags["other"].update(description=value),
            neighbour=lambda: str(server.flags["other"]["description"]),
        )


def is_write(asked: Asked) -> bool:
    return asked.method in ("PATCH", "PUT")


# ── who gets it ────────────────────────────────────────────────────────────────────────────────────────────


def test_r16_our_bucketing_is_that_of_the_sdk_and_a_larger_share_only_adds_users(
    server: SplitServer, opening: Opening
) -> None:
    flags, before = opening(), set[str]()
    for share in (10, 100, 250):
        flags.apply(Ramp((), share))
        state = flags.state()
        assert flags.seed() == server.seeds[FLAG]
        members = split_cohort.by_bucket(state, cohort(), flags.seed())
        chance = share / 1000
        assert abs(len(members) - SIZE * chance) <= 3 * (SIZE * chance * (1 - chance)) ** 0.5
        assert before < members
        assert split_cohort._by_sdk(state, cohort(), flags.seed()) == members, "by the SDK, in its localhost mode"
        assert {user for user in cohort()[:500] if server.evaluate(user, {})} == members & set(cohort()[:500])
        before = members


def test_r16_reallocated_users_are_found_though_the_share_is_the_same(server: SplitServer, opening: Opening) -> None:
    """Split's “reallocate” gives the flag another seed."""
    flags = opening()
    flags.apply(TEN)
    flags.read()
    server.seeds[FLAG] += 1
    server.edit()
    flags._kept.forget()
    with pytest.raises(AdapterError, match="of a fixed cohort changed sides"):
        flags.read()


def test_a_default_rule_in_another_order_is_of_other_users(server: SplitServer, opening: Opening) -> None:
    opening().apply(TEN)
    server.edit(defaultRule=server.share(10)[::-1])
    with pytest.raises(AdapterError, match="its default rule is off 90 %, on 10 %, not on and then off"):
        opening().read()


# ── what is not ours ───────────────────────────────────────────────────────────────────────────────────────


def test_keys_rules_and_everything_else_stay_byte_for_byte(server: SplitServer, opening: Opening) -> None:
    matcher = {"type": "IN_LIST_STRING", "attribute": "plan", "strings": ["banned"]}
    never = {
        "buckets": [{"treatment": "off", "size": 100}],
        "condition": {"combiner": "AND", "matchers": [matcher]},
    }
    server.flags[FLAG]["treatments"][0]["keys"] = ["vip"]
    server.edit(rules=[never])

    def theirs() -> str:
        whole = copy.deepcopy(server.flags[FLAG])
        whole["rules"] = whole["rules"][:1]
        for changes in ("killed", "defaultRule", "lastUpdateTime"):
            whole.pop(changes)
        return json.dumps(whole, sort_keys=True)

    with pytest.raises(AdapterError, match="rules, keys or segments of others decide"):
        opening().read()
    server.edit(killed=True)
    flags, before = opening(), theirs()
    for ramp in (Ramp(("beta",), 0), Ramp(("beta", "internal"), 250), OFF, Ramp(("internal",), 0)):
        flags.apply(ramp)
        assert flags.read() == ramp
        assert theirs() == before
    assert not server.evaluate("ada", {"group": "internal", "plan": "banned"}), "a rule of others comes first"
    assert server.evaluate("vip", {})


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda server: server.edit(defaultRule=server.share(60)), "on for 60 % of users"),
        (lambda server: server.edit(killed=True), "it is off"),
    ],
    ids=["raised", "killed"],
)
def test_a_humans_edit_is_found_named_and_never_overwritten_but_by_off(
    server: SplitServer, opening: Opening, edit: Callable[[SplitServer], None], found: str
) -> None:
    opening(rollout="shop-1").apply(TEN)
    edit(server)
    left = copy.deepcopy(server.flags[FLAG])
    flags = opening(rollout="shop-1")
    with pytest.raises(
        AdapterError, match=rf"changed by someone else: .*{found}, and this rollout left it on for 10 %"
    ):
        flags.read()
    with pytest.raises(AdapterError, match="changed by someone else"):
        flags.apply(QUARTER)
    assert server.flags[FLAG] == left
    flags.apply(OFF)
    assert flags.read() == OFF


def test_a_humans_edit_between_our_reading_and_our_write_is_refused_by_split(
    server: SplitServer, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = opening(rollout="shop-1")
    flags.apply(TEN)
    real = flags.change

    def a_moment_late(*words: Any) -> None:
        server.edit(killed=True)
        real(*words)

    monkeypatch.setattr(flags, "change", a_moment_late)
    with pytest.raises(ChangedMeanwhile):
        flags.apply(QUARTER)
    assert server.flags[FLAG]["killed"]
    with pytest.raises(AdapterError, match="it is off"):
        opening(rollout="shop-1").read()


# ── off, and a provider that does not answer as wished ─────────────────────────────────────────────────────


def test_the_kill_switch_is_one_call_with_nothing_read_before_and_no_limit_of_ours(
    server: SplitServer, opening: Opening
) -> None:
    flags = opening()
    flags.apply(TEN)
    limits = {"X-RateLimit-Reset-Seconds-Org": "5", "X-RateLimit-Reset-Seconds-IP": "40"}
    server.fail_next(Answered(status=429, headers=limits))
    with pytest.raises(ProviderLimits, match="for another 40 s"):
        flags.apply(QUARTER)
    server.fail_next(Answered(status=409), fits=is_write)
    server.asked.clear()
    flags.apply(OFF)
    assert [(one.method, one.path.rpartition("/")[2]) for one in server.asked] == [("PUT", "kill")] * 2
    assert server.flags[FLAG]["killed"]
    assert opening().read() == OFF
    opening().rehearse()
    assert server.flags[FLAG]["killed"]


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_fault_leaves_the_flag_as_it_was_and_the_next_look_goes_on(
    server: SplitServer, opening: Opening, status: int
) -> None:
    opening(rollout="shop-1").apply(TEN)
    server.fail_next(Answered(status=status), fits=is_write)
    with pytest.raises(AdapterError):
        opening(rollout="shop-1").apply(QUARTER)
    again = opening(rollout="shop-1")
    assert again.read() == TEN
    again.apply(QUARTER)
    assert again.read() == QUARTER


def test_what_no_release_can_use_is_refused(server: SplitServer, opening: Opening) -> None:
    server.edit(trafficAllocation=50)
    with pytest.raises(AdapterError, match="exposes only 50 % of users"):
        opening().read()
    server.edit(trafficAllocation=100, defaultTreatment="on")
    with pytest.raises(AdapterError, match="the kill switch would not turn the feature off"):
        opening().read()
    with pytest.raises(AdapterError, match="has no treatment new"):
        opening(on_treatment="new").read()
    with pytest.raises(AdapterError, match="has no flag missing in environment Production of workspace ws-1"):
        opening(key="missing").read()
    server.add(FLAG)
    with pytest.raises(AdapterError, match="whole percents only"):
        opening().apply(Ramp((), 5))


# ── approvals ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_request_is_made_once_and_seen_when_it_is_approved(server: SplitServer, opening: Opening) -> None:
    server.requires_approval = True
    flags = opening(rollout="shop-1", approvers=["ann@example.org"])
    for look in (flags, flags, opening(rollout="shop-1")):
        with pytest.raises(AwaitsApproval, match="waits for an approval in Split"):
            look.apply(Ramp(("beta",), 100))
    assert flags.read() == OFF
    (made,) = server.requests
    assert made["title"] == "Pilotage: shop in production, rollout shop-1: on for beta and 10 % of users"
    assert made["approvers"] == ["ann@example.org"]
    server.review(approved=True)
    again = opening(rollout="shop-1")
    again.apply(Ramp(("beta",), 100))
    assert again.read() == Ramp(("beta",), 100)
    with pytest.raises(AwaitsApproval, match="off"):
        again.apply(OFF)
    server.review(approved=True)
    assert again.read() == OFF


def test_one_that_is_rejected_says_so_and_one_that_waits_is_withdrawn_when_the_release_is_undone(
    server: SplitServer, opening: Opening
) -> None:
    server.requires_approval = True
    with pytest.raises(AwaitsApproval):
        opening(rollout="shop-1").apply(TEN)
    server.review(approved=False)
    with pytest.raises(AdapterError, match="was rejected in Split"):
        opening(rollout="shop-1").apply(TEN)
    with pytest.raises(AwaitsApproval):
        opening(rollout="shop-2").apply(TEN)
    after = opening(rollout="shop-2")
    assert after.read() == OFF
    after.apply(OFF)
    assert [one["status"] for one in server.requests] == ["REJECTED", "WITHDRAWN"]


# ── doctor, and the vendor's own client ────────────────────────────────────────────────────────────────────


def test_doctor_and_a_key_without_its_role(opening: Opening) -> None:
    def findings(secret: str = TOKEN, **settings: Any) -> list[tuple[str, str]]:
        assert ADAPTER.examine is not None
        found = ADAPTER.examine(opening.section(**settings), opening.context(secret=secret))
        return [(one.result, one.sentence) for one in found]

    assert [result for result, _ in findings()] == ["PASS"]
    assert [result for result, _ in findings(sdk_key=None)] == ["WARN", "PASS"]
    ((result, sentence),) = findings("admin-key-unknown")
    assert result == "FAIL"
    assert "the token secret://env/SPLIT_TOKEN must be valid" in sentence
    assert "admin-key-unknown" not in sentence
    for ramp in (TEN, OFF):
        with pytest.raises(AdapterError, match=r"403: Insufficient permissions.*API_FEATURE_FLAG_EDITOR"):
            opening(secret=READER).apply(ramp)
    assert TOKEN not in repr(opening())


def test_splits_own_client_builds_the_same_requests_and_parses_every_answer(
    server: SplitServer, opening: Opening
) -> None:
    from splitapiclient.main import get_client

    client = get_client({"apikey": TOKEN, "base_url": server.url + ADMIN, "base_url_old": "", "base_url_v3": ""})
    opening().apply(Ramp(("beta",), 100))
    found = client.split_definitions.get_definition(FLAG, ENVIRONMENT, WORKSPACE)
    assert (found.name, found.killed, found.default_treatment) == (FLAG, False, "off")
    theirs = server.asked[-1]
    opening().state()
    ours = server.asked[-1]
    assert (theirs.path, theirs.headers["authorization"]) == (ours.path, ours.headers["authorization"])
    (rule,) = [one.export_dict() for one in found._rules]
    assert rule == server.flags[FLAG]["rules"][0], "nothing in a rule that its models do not know"

    client.split_definitions.kill(FLAG, ENVIRONMENT, WORKSPACE)
    theirs = server.asked[-1]
    assert opening().read() == OFF
    client.split_definitions.restore(FLAG, ENVIRONMENT, WORKSPACE)
    assert opening().read() == Ramp(("beta",), 100)
    opening().apply(OFF)
    ours = server.said("PUT")[-1]
    assert (theirs.method, theirs.path) == (ours.method, ours.path)

    server.requires_approval = True
    with pytest.raises(AwaitsApproval):
        opening().apply(Ramp((), 500))
    (posted,) = server.said("POST")
    definition = {**server.flags[FLAG], **posted.json["split"]}
    found.submit_change_request(definition, "UPDATE", posted.json["title"], posted.json["comment"], [], None, client)
    assert set(server.asked[-1].json["split"]) <= set(posted.json["split"])
    assert server.asked[-1].path == posted.path
    assert len(client.change_requests.list(ENVIRONMENT, "REQUESTED")) == 2
