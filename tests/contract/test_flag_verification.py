"""`flag.verify`: a ramp counts once services answer by it over OFREP, and nothing here keeps a flag on (R16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import verified
from pilotage.adapters.flags.flagd_adapter import FlagdSection
from pilotage.adapters.flags.verified import Services, VerifiedFlags, example_of
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.adapters.secrets import Secret
from pilotage.config.flag_verification import FlagVerification
from pilotage.engine.execution.targets import open_flags
from pilotage.model.flag import OFF, Ramp
from pilotage.model.segment import Operator
from pilotage.testing.contracts.flags import SEGMENTS
from tests.contract.test_flag_serving import Served
from tests.rest_server import Answered, Asked, RestServer, serving

pytestmark = pytest.mark.real
HALF, MORE = Ramp((), 500), Ramp((), 600)


class Ofrep(RestServer):
    """Answers by a function of the context, and wants a token."""

    def __init__(self) -> None:
        super().__init__()
        self.on: Callable[[Mapping[str, Any]], bool] = lambda _: False

    def take(self, asked: Asked) -> Answered:
        assert (asked.method, asked.path) == ("POST", "/ofrep/v1/evaluate/flags/checkout")
        if asked.headers.get("authorization") != "Bearer hush-1234":
            return Answered(status=401)
        on = self.on(asked.json["context"])
        return Answered(body={"key": "checkout", "value": on, "variant": "on" if on else "off", "reason": "SPLIT"})


@pytest.fixture
def ofrep() -> Iterator[Ofrep]:
    made = Ofrep()
    with serving(made):
        yield made


def opened(place: Path, url: str, secret: str = "hush-1234", **settings: Any) -> Flags:
    verify = {"ofrep": url, "token": "secret://env/OFREP", "within": 30.0}
    section = FlagdSection.model_validate({"file": "flags.json", "key": "checkout", "verify": verify, **settings})
    context = Context(
        directory=place, fence=Fence(place / "fence.json", 1), service="shop", environment="production", folder=place,
        secrets=lambda _: Secret(secret),
    )  # fmt: skip
    flags = open_flags(section, context)
    assert isinstance(flags, VerifiedFlags)
    return flags


def numbered(context: Mapping[str, Any]) -> int:
    return int(context["targetingKey"].rpartition("-")[2]) if "cohort" in context["targetingKey"] else 10**6


def test_what_a_server_with_ofrep_answers_is_what_was_set(tmp_path: Path) -> None:
    it = Served(tmp_path)
    try:
        flags = opened(tmp_path, it.url)
        flags.apply(OFF)
        flags.rehearse()
        for ramp in (Ramp(("beta",), 250), Ramp((), 1000), OFF):
            flags.apply(ramp)
            assert flags.read() == ramp
    finally:
        it.end()


def test_a_step_waits_for_services_that_answer_late_and_says_so_when_they_never_do(
    tmp_path: Path, ofrep: Ofrep, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(verified, "time", SimpleNamespace(monotonic=lambda: now[0]))
    flags = opened(tmp_path, ofrep.url)
    ofrep.on = lambda context: numbered(context) < 100
    flags.apply(HALF)
    assert flags.read() == HALF
    flags.apply(Ramp((), 900))
    assert flags.read() == HALF, "services still answer by the ramp before"
    ofrep.on = lambda context: numbered(context) < 180
    assert flags.read() == Ramp((), 900)
    flags.apply(Ramp((), 1000))
    assert flags.read() == Ramp((), 900)
    now[0] += 30.0
    with pytest.raises(AdapterError, match="answers that it is on for 180 of 200 users, not for 100 %"):
        flags.read()


def test_a_key_whose_first_users_are_off_by_chance_holds_for_a_few_looks_and_not_for_ever(
    tmp_path: Path, ofrep: Ofrep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first 20 users none has it, and half of those who follow them."""
    monkeypatch.setattr(verified, "_USERS", 20)
    ofrep.on = lambda context: numbered(context) >= 20 and numbered(context) % 2 == 0
    flags = opened(tmp_path, ofrep.url)
    flags.apply(HALF)
    for _ in range(8):
        with pytest.raises(AdapterError, match="answers that it is on for 0 of 20 users, not for 50 %"):
            flags.read()
    assert flags.read() == HALF


def test_a_wrong_share_is_refused_however_many_users_are_asked_until_it_is_right(
    tmp_path: Path, ofrep: Ofrep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "_USERS", 20)
    ofrep.on = lambda context: numbered(context) % 20 == 0
    flags = opened(tmp_path, ofrep.url)
    flags.apply(HALF)
    for _ in range(12):
        with pytest.raises(AdapterError, match="answers that it is on for 1 of 20 users, not for 50 %"):
            flags.read()
    ofrep.on = lambda context: numbered(context) % 2 == 0
    assert flags.read() == HALF


def test_a_flag_goes_off_while_the_server_that_evaluates_is_down(tmp_path: Path, ofrep: Ofrep) -> None:
    ofrep.on = lambda context: numbered(context) < 100
    flags = opened(tmp_path, ofrep.url)
    flags.apply(HALF)
    assert flags.read() == HALF
    ofrep.fail_next(Answered(status=503), times=10_000)
    flags.apply(OFF)
    asked = len(ofrep.asked)
    assert flags.read() == OFF
    assert len(ofrep.asked) == asked


def test_users_who_lose_it_at_a_larger_share_are_found(
    tmp_path: Path, ofrep: Ofrep, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(verified, "time", SimpleNamespace(monotonic=lambda: now[0]))
    flags = opened(tmp_path, ofrep.url)
    ofrep.on = lambda context: numbered(context) < 100
    flags.apply(HALF)
    assert flags.read() == HALF
    ofrep.on = lambda context: 80 <= numbered(context) < 200
    flags.apply(MORE)
    assert flags.read() == HALF
    now[0] += 30.0
    with pytest.raises(AdapterError, match="off for 80 of 200 users who had it at a smaller share"):
        flags.read()


def test_a_group_without_it_and_a_refused_token_are_named(tmp_path: Path, ofrep: Ofrep) -> None:
    tiers = {"trial": {"attribute": "tier", "values": ["trial"]}}
    flags = opened(tmp_path, ofrep.url, segments=tiers)
    flags.apply(Ramp(("beta", "trial"), 0))
    ofrep.on = lambda context: context.get("group") == "beta"
    with pytest.raises(AdapterError, match="the flag is off for group trial"):
        flags.read()
    ofrep.on = lambda context: context.get("group") == "beta" or context.get("tier") == "trial"
    assert flags.read() == Ramp(("beta", "trial"), 0)
    with pytest.raises(AdapterError, match=r"refused the token secret://env/OFREP \(401\)") as raised:
        opened(tmp_path, ofrep.url, "wrong-5678", segments=tiers).read()
    assert "wrong-5678" not in str(raised.value)


def test_r28_doctor_says_whether_it_answers(ofrep: Ofrep) -> None:
    verify = FlagVerification.model_validate({"ofrep": ofrep.url, "token": "secret://env/OFREP"})
    right, wrong = (Services("checkout", verify, lambda _, it=it: Secret(it)).examined() for it in ("hush-1234", "no"))  # type: ignore[misc]
    assert (right.result, wrong.result) == ("PASS", "FAIL")
    assert "refused the token secret://env/OFREP (401)" in wrong.sentence


@pytest.mark.parametrize("operator", Operator)
def test_somebody_in_a_segment_of_each_operator_is_made_up(operator: Operator) -> None:
    segment = SEGMENTS[operator][0]
    example = example_of(segment)
    assert example
    assert segment.holds(example)
