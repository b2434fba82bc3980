"""R34, R5, R6: readiness with sign-off and waiver in place."""

from __future__ import annotations

from pilotage.engine.records.signatures import signatures_of
from tests.web.site import Client, Served

HOSTILE = '<script>alert("x")</script>'
THERE = "/services/shop/production/readiness"


def person(server: Served, name: str, *roles: str) -> Client:
    server.person(name, *roles)
    return server.signed_in(name)


def plan_of(text: str) -> str:
    return text.partition('name="plan" value="')[2].partition('"')[0]


def test_r34_each_gate_is_shown_with_what_it_wants_and_a_viewer_may_change_nothing(server: Served) -> None:
    ada = person(server, "ada", "viewer")
    text = ada.get(f"{THERE}?version=2.4.0").text
    assert "shop 2.4.0 is not ready for production" in text
    assert "Sign it off" not in text
    assert "Waive it" not in text
    found = ada.get(f"{THERE}.json?version=2.4.0").json
    assert found["gates"]
    assert ada.get(f"{THERE}?version=%3Cscript%3Ealert(%22x%22)").status == 400
    assert HOSTILE not in ada.get(f"{THERE}?version=%3Cscript%3Ealert(%22x%22)%3C/script%3E").text
    assert "Show readiness" in ada.get(THERE).text
    for wrong in ("soon", "2026-02-30", "0001-01-01"):
        assert ada.get(f"{THERE}?version=2.4.0&date={wrong}").status == 400
    dated = ada.get(f"{THERE}?version=2.4.0&date=2099-12-01").text
    assert "for 2099-12-01" in dated
    assert plan_of(dated) == ""


def test_r6_one_item_is_waived_for_a_time_and_only_of_the_plan_that_was_seen(server: Served) -> None:
    bob = person(server, "bob", "approver@shop/production")
    where = f"{THERE}?version=2.4.0"
    text = bob.get(where).text
    plan = plan_of(text)
    form = text.partition("/readiness/waive")[2]
    item, role = (form.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("item", "role"))
    wish = {"version": "2.4.0", "plan": plan, "role": role, "reason": HOSTILE, "until": "3d"}
    assert bob.submit(f"{THERE}/waive", item=item, **{**wish, "plan": "0" * 64}).status == 412
    assert bob.submit(f"{THERE}/waive", item=item, **{**wish, "until": "soon"}).status == 400
    assert bob.submit(f"{THERE}/waive", item=item, **{**wish, "reason": " "}).status == 400
    assert signatures_of(server.store.engine, "shop", "production", "2.4.0") == ()
    got = bob.submit(f"{THERE}/waive", item=item, **wish)
    assert got.status == 303, got.text
    (signed,) = signatures_of(server.store.engine, "shop", "production", "2.4.0")
    assert (signed.item, signed.by, signed.plan) == (item, "bob", plan)
    text = bob.get(where).text
    assert HOSTILE not in text
    assert "Waived" in text
    assert bob.get(f"{THERE}/waive").status in (404, 405)
    other = "/services/search/production/readiness/waive"
    assert bob.submit(other, item=item, **wish).status == 403


def test_r6_one_item_is_signed_off_by_whom_it_is_for(server: Served) -> None:
    ada = person(server, "ada", "author")
    text = ada.get(f"{THERE}?version=2.4.0").text
    assert "Waive it" not in text  # an author signs, and waives nothing
    part = text.partition("/readiness/sign-off")[2]
    item, role = (part.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("item", "role"))
    got = ada.submit(
        f"{THERE}/sign-off", version="2.4.0", plan=plan_of(text), item=item, role=role, reason="all green"
    )  # fmt: skip
    found = signatures_of(server.store.engine, "shop", "production", "2.4.0")
    assert (got.status, len(found)) in ((303, 1), (409, 0)), got.text
    assert ada.submit(f"{THERE}/waive", version="2.4.0", item=item, role=role).status == 403


def test_r34_looking_at_readiness_records_nothing(server: Served) -> None:
    from sqlalchemy import func, select

    from pilotage.engine.records.tables_beside import readings

    person(server, "ada", "viewer").get(f"{THERE}?version=2.4.0")
    with server.store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(readings)) == 0
