"""R34: plans are made by a form, read on a page, compared, and deployed as they were read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage import Service
from pilotage.engine.records import kept_plans
from tests.plans import a_plan
from tests.web.site import Served, served
from tests.web.world import config


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    """Seven services with a configuration that a plan can be made of; checkout 2.4.0 can be started."""
    for version in ("2.4.0", "2.5.0"):
        program = tmp_path / "bin" / version / "serve"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    with served(tmp_path, config()) as found:
        yield found


def made(server: Served, who: str, version: str, place: str = "checkout/production") -> str:
    got = server.signed_in(who).submit("/plan", place=place, version=version)
    assert got.status == 303, got.text
    return got.headers["location"]


def test_r34_the_form_offers_only_what_one_may_plan(shop: Served) -> None:
    shop.person("ada", "author@checkout/production", "viewer")
    text = shop.signed_in("ada").get("/plan").text
    assert re.findall(r'<option value="([^"]+)"', text) == ["checkout/production"]
    shop.person("eve", "viewer")
    assert "You may not plan a release anywhere" in shop.signed_in("eve").get("/plan").text
    assert shop.signed_in("eve").submit("/plan", place="checkout/production", version="2.4.0").status == 403


def test_r34_a_plan_is_kept_under_its_hash_and_made_once(shop: Served) -> None:
    shop.person("ada", "deployer")
    where = made(shop, "ada", "2.4.0")
    assert made(shop, "ada", "2.4.0") == where
    text = shop.signed_in("ada").get(where).text
    assert "checkout 2.4.0 → production" in text
    assert "Deploy 2.4.0 to production" in text
    assert json.loads(shop.signed_in("ada").get(f"{where}.json").body)["version"] == "2.4.0"


def test_r34_without_the_right_to_deploy_the_button_is_absent(shop: Served) -> None:
    shop.person("ada", "author")
    assert "/deploy" not in shop.signed_in("ada").get(made(shop, "ada", "2.4.0")).text
    assert shop.signed_in("ada").submit(f"{made(shop, 'ada', '2.4.0')}/deploy").status == 403


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"place": "checkout/nowhere", "version": "2.4.0"}, "choose a service and an environment"),
        ({"place": "checkout/production", "version": "../x"}, "version"),
        ({"place": "checkout/production", "version": "2.4.0", "date": "soon"}, "is not a day such as"),
    ],
)
def test_r34_a_wrong_field_is_named_and_what_was_typed_stays(shop: Served, fields: dict[str, str], says: str) -> None:
    shop.person("ada", "author")
    got = shop.signed_in("ada").submit("/plan", **fields)
    assert got.status == 400
    assert says in got.text
    assert f'value="{fields["version"]}"' in got.text


def test_r34_exactly_the_plan_that_was_read_is_deployed(shop: Served) -> None:
    shop.person("ada", "deployer")
    where = made(shop, "ada", "2.4.0")
    got = shop.signed_in("ada").submit(f"{where}/deploy")
    assert got.status == 303, got.text
    (rollout,) = shop.store.active()
    assert (f"/plans/{rollout.plan_hash}", rollout.actor) == (where, "ada")
    assert got.headers["location"] == f"/rollouts/{rollout.id}"
    # A second press of the same button changes nothing.
    assert shop.signed_in("ada").submit(f"{where}/deploy").headers["location"] == f"/rollouts/{rollout.id}"
    assert len(shop.store.active()) == 1


def test_r34_another_version_meanwhile_is_queued_where_the_button_says_so_and_else_refused(shop: Served) -> None:
    shop.person("ada", "deployer")
    ada = shop.signed_in("ada")
    ada.submit(f"{made(shop, 'ada', '2.4.0')}/deploy")
    other = made(shop, "ada", "2.5.0")
    assert "Deploy 2.5.0 after 2.4.0" in ada.get(other).text
    refused = ada.submit(f"{other}/deploy")
    assert refused.status == 409
    assert "2.4.0 is rolling out in production" in refused.text
    assert ada.submit(f"{other}/deploy", queue="yes").status == 303
    assert [one.version for one in shop.store.queued()] == ["2.5.0"]


def test_r34_the_difference_is_to_the_last_plan_of_the_environment(shop: Served) -> None:
    shop.person("ada", "deployer")
    ada = shop.signed_in("ada")
    first = made(shop, "ada", "2.4.0")
    assert ada.get(f"{first}/diff").status == 404
    ada.submit(f"{first}/deploy")
    second = made(shop, "ada", "2.5.0")
    assert f'href="{second}/diff"' in ada.get(second).text
    text = ada.get(f"{second}/diff").text
    assert "2.4.0 → 2.5.0: what differs" in text
    assert ada.get(f"{second}/diff/{first.rpartition('/')[2]}").text.count("<tr>") == text.count("<tr>")


def test_r34_a_plan_of_another_service_is_not_shown(shop: Served) -> None:
    shop.person("ada", "deployer")
    own, other = made(shop, "ada", "2.4.0"), made(shop, "ada", "8.1.0", "search/production")
    shop.person("eve", "viewer@checkout")
    eve = shop.signed_in("eve")
    assert eve.get(own).status == 200
    assert eve.get(other).status == 403
    assert eve.get(f"{own}/diff/{other.rpartition('/')[2]}").status == 404
    assert eve.get("/plans/ffff").status == 404


def test_r34_a_first_release_shows_no_approval_that_nobody_is_asked_for(shop: Served) -> None:
    shop.person("ada", "deployer")
    text = shop.signed_in("ada").get(made(shop, "ada", "2.4.0")).text
    assert "Nothing serves yet" in text
    assert "Approval" not in text.partition("What happens")[2].partition("now</h2>")[0]
    assert "to approve it" not in text


def test_r34_a_version_that_cannot_be_started_is_not_said_to_be_deployable(shop: Served) -> None:
    shop.person("ada", "deployer")
    text = shop.signed_in("ada").get(made(shop, "ada", "9.9.9")).text
    assert "Cannot be started" in text
    assert "9.9.9 cannot be started:" in text
    assert "May be deployed" not in text


@pytest.mark.usefixtures("no_worker")
def test_r35_a_release_from_a_page_or_the_api_belongs_to_the_trace_that_asks(shop: Served) -> None:
    shop.person("ada", "deployer")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    header = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    ada, program = shop.signed_in("ada"), shop.with_token("ada", "deployer")
    ada.headers = header
    assert ada.submit(f"{made(shop, 'ada', '2.4.0')}/deploy").status == 303
    assert program.post("/api/v1/services/search/environments/staging/deploy", {"version": "2.4.0"}, **header).json[
        "rollout"
    ]
    for rollout in shop.store.active():
        if (rollout.service, rollout.environment) in (("checkout", "production"), ("search", "staging")):
            (told,) = [one for one in shop.store.events(rollout.id) if one.type == "trace-continued"]
            assert told.data["trace_id"] == trace


def test_r34_only_what_somebody_should_act_on_is_a_warning(server: Served) -> None:
    plan = a_plan(version="2.4.0", service=Service(name="shop", environment="production"))
    assert any(note.startswith("no alert for") for note in plan.notes)
    act = "CRITICAL risk: drops table orders"
    server.person("ada", "author")
    for noted in (plan, replace(plan, notes=(act, *plan.notes))):
        kept_plans.keep(server.store.engine, noted)
        page = server.signed_in("ada").get(f"/plans/{noted.hash}").text
        assert ('<div class="banner wait">' in page) is (act in noted.notes)
        assert "Good to know</h2>" in page
        assert "Readiness is not enforced in production" in page
