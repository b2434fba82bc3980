"""A LaunchDarkly flag keeps every sentence of the Flags port (R16), evaluated by LaunchDarkly's own SDK."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters import http
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import launchdarkly_cohort
from pilotage.adapters.flags.cohort import SIZE, cohort
from pilotage.adapters.flags.launchdarkly import LaunchDarkly
from pilotage.adapters.flags.launchdarkly_adapter import ADAPTER, LaunchDarklySection
from pilotage.adapters.flags.launchdarkly_adapter import _opened as opened
from pilotage.adapters.flags.remote import ProviderLimits, ProviderRefused
from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.adapters.secrets import Secret
from pilotage.adapters.taken_back import NOTE, TakenBack
from pilotage.model.flag import OFF, Ramp
from pilotage.model.segment import Segment
from pilotage.testing import FlagsUnderTest
from pilotage.testing.contracts.flags import FlagsContract
from pilotage.testing.harness import written
from tests.launchdarkly import ENVIRONMENT, FLAG, PROJECT, READER, TOKEN, LaunchDarklyServer
from tests.rest_server import Answered, Asked, serving

pytestmark = pytest.mark.real


@pytest.fixture
def server() -> Iterator[LaunchDarklyServer]:
    made = LaunchDarklyServer()
    with serving(made):
        yield made
    made.close()


class Opening:
    """Opens the flag, as often and by as many controllers as wanted."""

    def __init__(self, server: LaunchDarklyServer, place: Path) -> None:
        self.server, self.place = server, place

    def __call__(
        self, token: int = 1, *, rollout: str = "", secret: str = TOKEN, segments: Mapping[str, Segment] | None = None,
        **settings: Any,
    ) -> LaunchDarkly:  # fmt: skip
        section = LaunchDarklySection.model_validate(
            {
                "kind": "launchdarkly", "project": PROJECT, "environment": ENVIRONMENT, "key": FLAG,
                "token": "secret://env/LD_TOKEN", "url": self.server.url, "segments": written(segments or {}),
                **settings,
            }
        )  # fmt: skip
        return opened(section, self.context(token, rollout, secret))

    def context(self, token: int = 1, rollout: str = "", secret: str = TOKEN) -> Context:
        return Context(
            directory=self.place / "flags", fence=Fence(self.place / "fence.json", token), service="shop",
            environment="production", rollout=rollout, folder=self.place, secrets=lambda _: Secret(secret),
        )  # fmt: skip


@pytest.fixture
def opening(server: LaunchDarklyServer, tmp_path: Path) -> Opening:
    return Opening(server, tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cohort by our own bucketing, which a test below compares with the SDK's."""
    monkeypatch.setattr(launchdarkly_cohort, "has_sdk", lambda: False)


class TestLaunchDarkly(FlagsContract):
    """What holds for every provider; below is what only this one promises."""

    @pytest.fixture
    def flag(self, server: LaunchDarklyServer, opening: Opening) -> FlagsUnderTest:
        return FlagsUnderTest(
            open=lambda token: opening(token),
            open_with=lambda token, segments: opening(token, segments=segments),
            evaluate=server.evaluate,
            edit=lambda: server.edit({"kind": "turnFlagOn"}, server.share(33_333)),
            can=ADAPTER.capabilities,
            edit_neighbour=lambda value: server.flags["other"].update(description=value),
            neighbour=lambda: str(server.flags["other"]["description"]),
        )


TEN, QUARTER = Ramp((), 100), Ramp((), 250)


def is_write(asked: Asked) -> bool:
    return asked.method == "PATCH"


# ── who gets it ────────────────────────────────────────────────────────────────────────────────────────────


def test_r16_our_bucketing_is_that_of_the_sdk_and_a_larger_share_only_adds_users(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    flags, before = opening(), set[str]()
    for share in (10, 100, 250):
        flags.apply(Ramp((), share))
        state = flags.state()
        members = launchdarkly_cohort.by_bucket(state, cohort())
        chance = share / 1000
        assert abs(len(members) - SIZE * chance) <= 3 * (SIZE * chance * (1 - chance)) ** 0.5
        assert before < members
        assert launchdarkly_cohort._by_sdk(state, cohort()) == members, "by the SDK, with what the API returned"
        assert {user for user in cohort()[:500] if server.evaluate(user, {})} == members & set(cohort()[:500])
        before = members


def test_r16_another_salt_is_found_though_the_share_is_the_same(server: LaunchDarklyServer, opening: Opening) -> None:
    flags = opening()
    flags.apply(TEN)
    flags.read()
    server.config().update(salt="another", version=99)
    flags._kept.forget()
    with pytest.raises(AdapterError, match="of a fixed cohort changed sides"):
        flags.read()


def test_r16_a_flag_of_several_variations_goes_by_their_values(server: LaunchDarklyServer, opening: Opening) -> None:
    server.add(FLAG, ("old", 1, "new"), off=0)
    flags = opening(on_variation="new", off_variation="old")
    flags.apply(Ramp(("beta",), 100))
    assert flags.read() == Ramp(("beta",), 100)
    assert [one["weight"] for one in server.config()["fallthrough"]["rollout"]["variations"]] == [90_000, 0, 10_000]
    with pytest.raises(AdapterError, match="has no variation true"):
        opening(off_variation="old").read()


# ── what is not ours ───────────────────────────────────────────────────────────────────────────────────────


def test_targets_rules_and_everything_else_stay_byte_for_byte(server: LaunchDarklyServer, opening: Opening) -> None:
    on = server.flags[FLAG]["variations"][0]["_id"]
    off = server.flags[FLAG]["variations"][1]["_id"]
    clause = {"contextKind": "user", "attribute": "plan", "op": "in", "negate": False, "values": ["banned"]}
    server.edit(
        {"kind": "addTargets", "values": ["vip"], "variationId": on},
        {"kind": "addRule", "description": "never", "clauses": [clause], "variationId": off},
    )
    server.flags[FLAG]["environments"]["test"] = copy.deepcopy(server.config())

    def theirs() -> str:
        whole = copy.deepcopy(server.flags[FLAG])
        config = whole["environments"][ENVIRONMENT]
        config["rules"] = [rule for rule in config["rules"] if rule.get("description") == "never"]
        for changes in ("on", "fallthrough", "version", "lastModified"):
            config.pop(changes)
        whole.pop("_version")
        return json.dumps(whole, sort_keys=True)

    flags, before = opening(), theirs()
    for ramp in (Ramp(("beta",), 0), Ramp(("beta", "internal"), 250), OFF, Ramp(("internal",), 0)):
        flags.apply(ramp)
        assert flags.read() == ramp
        assert theirs() == before
    assert not server.evaluate("ada", {"group": "internal", "plan": "banned"}), "a rule of others comes first"
    assert server.evaluate("vip", {})
    server.edit({"kind": "removeRule", "ruleId": server.config()["rules"][-1]["_id"]}, server.share(0))
    with pytest.raises(AdapterError, match="rules or individual targets of others decide"):
        opening().read()


def raised(server: LaunchDarklyServer) -> None:
    server.edit(server.share(60_000))


def turned_off(server: LaunchDarklyServer) -> None:
    server.edit({"kind": "turnFlagOff"})


def lowered(server: LaunchDarklyServer) -> None:
    server.edit(server.share(5_000))


@pytest.mark.parametrize(
    ("edit", "found"),
    [(raised, "on for 60 % of users"), (turned_off, "it is off"), (lowered, "on for 5 % of users")],
)
def test_a_humans_edit_is_found_named_and_never_overwritten_but_by_off(
    server: LaunchDarklyServer, opening: Opening, edit: Any, found: str
) -> None:
    opening(rollout="shop-1").apply(TEN)
    edit(server)
    left = copy.deepcopy(server.config())
    flags = opening(rollout="shop-1")
    with pytest.raises(
        AdapterError, match=rf"changed by someone else: .*{found}, and this rollout left it on for 10 %"
    ):
        flags.read()
    with pytest.raises(AdapterError, match="changed by someone else"):
        flags.apply(QUARTER)
    assert server.config() == left
    flags.apply(OFF)
    assert flags.read() == OFF
    assert opening(rollout="shop-2").read() == OFF, "the note of one rollout is nothing to the next"


def test_a_rule_of_ours_that_a_human_edited_is_no_ramp(server: LaunchDarklyServer, opening: Opening) -> None:
    opening().apply(Ramp(("beta",), 0))
    server.config()["rules"][0]["clauses"][0]["values"].append("everybody")
    with pytest.raises(AdapterError, match="the rule “Pilotage: beta” is not as Pilotage writes it"):
        opening().read()


def test_without_a_note_only_a_narrower_ramp_counts_as_ours(server: LaunchDarklyServer, opening: Opening) -> None:
    opening(rollout="shop-1").apply(QUARTER)
    (opening.place / "flags" / "left.json").unlink()
    with pytest.raises(AdapterError, match="someone else changed it"):
        opening(rollout="shop-1").apply(TEN)
    opening(rollout="shop-1").apply(Ramp((), 500))
    assert server.evaluate("ada", {}) in (True, False)
    assert opening(rollout="shop-1").read() == Ramp((), 500)


def test_a_humans_off_between_our_reading_and_our_write_stays(
    server: LaunchDarklyServer, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = opening(rollout="shop-1")
    flags.apply(TEN)
    real = flags._patch

    def a_moment_late(*words: Any, **named: Any) -> Any:
        turned_off(server)
        return real(*words, **named)

    monkeypatch.setattr(flags, "_patch", a_moment_late)
    with pytest.raises(AdapterError, match="someone else changed it at the same moment"):
        flags.apply(QUARTER)
    assert not server.config()["on"]
    with pytest.raises(AdapterError, match="it is off"):
        opening(rollout="shop-1").read()


@pytest.mark.parametrize("applied", [True, False])
def test_rule_1_a_crash_around_the_write_ends_right(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, applied: bool
) -> None:
    flags = opening(rollout="shop-1")
    flags.apply(TEN)
    real = flags._patch

    def crash(*words: Any, **named: Any) -> None:
        if applied:
            real(*words, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(flags, "_patch", crash)
    with pytest.raises(KeyboardInterrupt):
        flags.apply(QUARTER)
    again = opening(rollout="shop-1")
    assert again.read() == (QUARTER if applied else TEN)
    again.apply(QUARTER)
    assert again.read() == QUARTER


# ── off ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_kill_switch_is_one_call_with_nothing_read_before_and_no_limit_of_ours(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    flags = opening()
    flags.apply(TEN)
    server.fail_next(Answered(status=429, headers={"X-Ratelimit-Reset": str(int((time.time() + 50) * 1000))}))
    with pytest.raises(ProviderLimits, match=r"for another (49|50) s"):
        flags.apply(QUARTER)
    server.scheduled = True
    server.asked.clear()
    flags.apply(OFF)
    (only,) = server.asked
    assert (only.method, only.json["instructions"]) == ("PATCH", [{"kind": "turnFlagOff"}])
    assert not server.config()["on"]
    assert server.comments[-1] == "Pilotage: shop in production: off"


def test_the_kill_switch_is_repeated_where_another_request_was_in_its_way(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    opening().apply(TEN)
    server.fail_next(Answered(status=409), fits=is_write, times=2)
    opening().apply(OFF)
    assert opening().read() == OFF


def test_a_ramp_from_before_the_flag_was_turned_off_without_the_store_is_not_written(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    opening().apply(OFF)
    (opening.place / NOTE).write_text('{"at": 1.0, "by": "ann", "to": "1.0"}')
    with pytest.raises(TakenBack):
        opening().apply(TEN)
    assert not server.config()["on"]


def test_the_kill_switch_is_rehearsed_on_a_preview_of_launchdarkly(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    before = copy.deepcopy(server.flags)
    opening().rehearse()
    server.requires_approval = True
    opening().rehearse()
    assert server.flags == before
    with pytest.raises(ProviderRefused, match="updateOn, updateFallthrough and updateRules"):
        opening(secret=READER).rehearse()


# ── a provider that does not answer as wished ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [Answered(status=409), Answered(status=429, headers={"Retry-After": "1"}), Answered(status=503)],
    ids=lambda fault: str(fault.status),
)
def test_a_fault_leaves_the_flag_as_it_was_and_the_next_look_goes_on(
    server: LaunchDarklyServer, opening: Opening, fault: Answered
) -> None:
    flags = opening(rollout="shop-1")
    flags.apply(TEN)
    server.fail_next(fault, fits=is_write)
    with pytest.raises(AdapterError):
        flags.apply(QUARTER)
    assert opening(rollout="shop-1").read() == TEN
    again = opening(rollout="shop-1")
    again.apply(QUARTER)
    assert again.read() == QUARTER


def test_an_answer_that_comes_late_is_an_error_and_what_was_done_is_found(
    server: LaunchDarklyServer, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilotage.adapters.flags.remote.TIMEOUT", 0.3)
    flags = opening(rollout="shop-1")
    server.fail_next(Answered(delay=0.6), fits=is_write)
    with pytest.raises(AdapterError, match=r"does not respond: no complete response within 0\.3 s"):
        flags.apply(TEN)
    until = time.monotonic() + 20
    while flags.read() != TEN:
        assert time.monotonic() < until
    flags.apply(TEN)
    assert len(server.said("PATCH")) == 1


def test_a_request_that_was_given_up_and_takes_effect_after_its_repetition_leaves_nothing_wrong(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    flags = opening()
    flags.apply(Ramp(("beta",), 0))
    late = server.said("PATCH")[-1].json["instructions"]
    server.edit(*late)
    assert len(server.config()["rules"]) == 2
    assert opening().read() == Ramp(("beta",), 0)
    opening().apply(Ramp(("beta",), 100))
    assert opening().read() == Ramp(("beta",), 100)
    assert len(server.config()["rules"]) == 1


def test_a_flag_that_is_about_to_be_turned_on_is_not_read_as_off_and_goes_off_all_the_same(
    server: LaunchDarklyServer, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request may take effect at any moment: whoever takes users back must not believe what was before."""
    flags = opening(rollout="shop-1")
    assert flags.read() == OFF
    real, seen = flags._patch, list[str]()

    def look_meanwhile(*words: Any, **named: Any) -> Any:
        with pytest.raises(AdapterError, match="is still off, and about to be turned on"):
            flags.read()
        seen.append("looked")
        return real(*words, **named)

    monkeypatch.setattr(flags, "_patch", look_meanwhile)
    flags.apply(TEN)
    assert (seen, flags.read()) == (["looked"], TEN)
    monkeypatch.setattr(flags, "_patch", real)
    turned_off(server)
    late = opening(rollout="shop-1")
    late._left._note(OFF, TEN)  # a write was begun, and nobody knows what came of it
    assert late.read() == OFF
    server.asked.clear()
    late.apply(OFF)
    assert [one.method for one in server.asked] == ["PATCH"], "it is turned off, whatever was just read"


def test_looks_share_a_reading_but_never_one_that_says_off(server: LaunchDarklyServer, opening: Opening) -> None:
    flags = opening()
    flags.read()
    flags.read()
    assert len(server.said("GET")) == 2
    flags.apply(TEN)
    before = len(server.said("GET"))
    assert [flags.read() for _ in range(5)] == [TEN] * 5
    flags.apply(TEN)
    assert len(server.said("GET")) == before + 1


def test_what_no_release_can_use_is_refused(server: LaunchDarklyServer, opening: Opening) -> None:
    server.config()["offVariation"] = 0
    with pytest.raises(AdapterError, match="turning it off would not turn the feature off"):
        opening().read()
    server.add(FLAG, off=None)
    with pytest.raises(AdapterError, match="Set its off variation to false"):
        opening().read()
    server.add(FLAG, archived=True)
    with pytest.raises(AdapterError, match="is archived"):
        opening().read()
    with pytest.raises(AdapterError, match="has no flag missing in project shop"):
        opening(key="missing").read()
    with pytest.raises(AdapterError, match="has no environment staging"):
        opening(environment="staging").read()
    server.add(FLAG)
    server.config()["prerequisites"] = [{"key": "other", "variation": 0}]
    with pytest.raises(AdapterError, match="the prerequisite other, whose targeting is off"):
        opening().apply(TEN)
    server.edit({"kind": "turnFlagOn"}, key="other")
    opening().apply(TEN)
    server.config()["fallthrough"]["rollout"]["experimentAllocation"] = {"defaultVariation": 0}
    with pytest.raises(AdapterError, match="an experiment, or a guarded"):
        opening().read()


# ── approvals ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_is_requested_once_and_applied_when_it_is_given(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    server.requires_approval = True
    flags = opening(rollout="shop-1")
    for look in (flags, flags, opening(rollout="shop-1")):
        with pytest.raises(AwaitsApproval, match=f"waits for a review in LaunchDarkly: {server.url}/shop/production"):
            look.apply(TEN)
    assert flags.read() == OFF
    assert [one["description"] for one in server.approvals.values()] == [
        "Pilotage: shop in production, rollout shop-1: on for 10 % of users"
    ]
    server.review("approved")
    again = opening(rollout="shop-1")
    again.apply(TEN)
    assert again.read() == TEN


def test_one_that_is_declined_says_so_and_one_that_a_human_applies_is_seen(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    server.requires_approval = True
    flags = opening(rollout="shop-1")
    with pytest.raises(AwaitsApproval):
        flags.apply(TEN)
    server.review("declined")
    flags._approvals._waits.forget()
    with pytest.raises(AdapterError, match="was declined"):
        flags.apply(TEN)
    server.approvals.clear()
    with pytest.raises(AwaitsApproval):
        opening(rollout="shop-1").apply(TEN)
    (request,) = server.approvals.values()
    server.edit(*request["instructions"])
    request["status"] = "completed"
    assert opening(rollout="shop-1").read() == TEN


def test_what_waits_for_a_review_is_withdrawn_when_the_release_is_undone(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    server.requires_approval = True
    with pytest.raises(AwaitsApproval):
        opening(rollout="shop-1").apply(TEN)
    after = opening(rollout="shop-1")
    assert after.read() == OFF
    after.apply(OFF)
    assert server.approvals == {}
    server.edit({"kind": "turnFlagOn"}, server.share(10_000))
    with pytest.raises(AwaitsApproval, match="waits for a review"):
        opening().apply(OFF)
    server.may_bypass.add(TOKEN)
    opening().apply(OFF)
    assert opening().read() == OFF


# ── doctor, and the token ──────────────────────────────────────────────────────────────────────────────────


def test_doctor_says_what_the_token_lacks_and_what_stands_in_the_way(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    def findings(secret: str = TOKEN) -> list[tuple[str, str]]:
        section = LaunchDarklySection.model_validate(
            {
                "kind": "launchdarkly", "project": PROJECT, "environment": ENVIRONMENT, "key": FLAG,
                "token": "secret://env/LD_TOKEN", "url": server.url,
            }
        )  # fmt: skip
        assert ADAPTER.examine is not None
        return [(one.result, one.sentence) for one in ADAPTER.examine(section, opening.context(secret=secret))]

    assert [result for result, _ in findings()] == ["PASS"]
    ((result, sentence),) = findings(READER)
    assert result == "FAIL"
    assert "403: Access to the requested resource was denied" in sentence
    assert "the token secret://env/LD_TOKEN must be valid and have the actions updateOn" in sentence
    ((result, sentence),) = findings("api-unknown")
    assert "401: Invalid access token" in sentence
    assert "api-unknown" not in sentence
    server.flags[FLAG]["temporary"] = False
    assert [result for result, _ in findings()] == ["WARN", "PASS"]
    server.requires_approval = True
    assert "bypassRequiredApproval" in findings()[0][1]
    assert all(one.json.get("comment", "x") for one in server.said("PATCH"))
    assert server.config()["version"] == 1
    assert TOKEN not in repr(opening())


# ── the vendor's own client ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.long  # importing the client's thousand models takes some seconds
def test_launchdarklys_own_client_builds_the_same_requests_and_parses_every_answer(
    server: LaunchDarklyServer, opening: Opening
) -> None:
    """Strictly: its models refuse what the published API does not have."""
    import launchdarkly_api as api

    configuration = api.Configuration(host=server.url, api_key={"ApiKey": TOKEN})
    client = api.ApiClient(configuration)
    flags, approvals = api.FeatureFlagsApi(client), api.ApprovalsApi(client)
    opening().apply(Ramp(("beta",), 100))
    ours = server.said("PATCH")[-1]

    shown = flags.get_feature_flag(PROJECT, FLAG, env=ENVIRONMENT)
    assert shown.environments is not None
    config = shown.environments[ENVIRONMENT]
    assert config.rules is not None
    assert config.rules[0].description == "Pilotage: beta"
    assert config.fallthrough is not None
    assert config.fallthrough.rollout is not None

    # The client has no model for semantic patches; the request is built by its own parts.
    sent = client.param_serialize(
        method="PATCH", resource_path="/api/v2/flags/{projectKey}/{featureFlagKey}",
        path_params={"projectKey": PROJECT, "featureFlagKey": FLAG},
        header_params={"Content-Type": "application/json; domain-model=launchdarkly.semanticpatch"},
        body=ours.json, auth_settings=["ApiKey"], _host=server.url,
    )  # fmt: skip
    answer = client.call_api(*sent)
    answer.read()  # type: ignore[no-untyped-call]
    parsed: Any = client.response_deserialize(answer, {"200": "FeatureFlag"}).data
    assert parsed.key == FLAG
    theirs = server.said("PATCH")[-1]
    for name in ("authorization", "content-type"):
        assert theirs.headers[name] == ours.headers[name]
    assert (theirs.path, theirs.json) == (ours.path, ours.json)

    opening().apply(OFF)
    server.requires_approval = True
    with pytest.raises(AwaitsApproval):
        opening().apply(Ramp(("beta",), 200))
    (asked,) = server.said("POST")
    request = api.CreateFlagConfigApprovalRequestRequest.from_dict(asked.json)
    assert request is not None
    assert request.to_dict() == asked.json
    made = approvals.post_approval_request_for_flag(PROJECT, FLAG, ENVIRONMENT, request)
    assert len(approvals.get_approvals_for_flag(PROJECT, FLAG, ENVIRONMENT).items) == 2
    server.review("approved", made.id)
    assert approvals.get_approval_for_flag(PROJECT, FLAG, ENVIRONMENT, made.id).review_status == "approved"
    applied = approvals.post_approval_request_apply_for_flag(
        PROJECT, FLAG, ENVIRONMENT, made.id, api.PostApprovalRequestApplyRequest(comment="yes")
    )
    assert applied.status == "completed"
    with pytest.raises(api.exceptions.ApiException) as refused:
        flags.get_feature_flag(PROJECT, "missing")
    assert refused.value.status == 404


@pytest.mark.parametrize("lost", ["_id", "clauses", "variation"])
def test_r16_an_answer_of_another_form_is_an_error_of_the_port_and_the_flag_goes_off_all_the_same(
    opening: Opening, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    opening(rollout="r1").apply(Ramp(("beta",), 100))
    exchange = http.exchange

    def spoilt(method: str, *args: Any, **more: Any) -> http.Answer:
        answer = exchange(method, *args, **more)
        found = json.loads(answer.body)
        for rule in found["environments"][ENVIRONMENT]["rules"]:
            rule.pop(lost, None)
        return http.Answer(status=answer.status, headers=answer.headers, body=json.dumps(found).encode())

    with monkeypatch.context() as context:
        context.setattr(http, "exchange", spoilt)
        with contextlib.suppress(AdapterError):
            opening(rollout="r1").apply(Ramp(("other",), 200))
        with contextlib.suppress(AdapterError):
            opening(rollout="r1").rehearse()
        opening(rollout="r1").apply(OFF)
    assert opening(rollout="r1").read() == OFF
