"""R34: the grid of services and environments, and the page of each."""

from __future__ import annotations

from sqlalchemy import event, update

from pilotage.app.grid import grid_of
from pilotage.engine.records.grid import every_place
from pilotage.engine.records.tables import environments
from pilotage.model.rollout import Status
from tests.web.records import ended
from tests.web.site import Served, granted

HOSTILE = '<script>alert("x")</script>'


def test_r34_the_grid_shows_versions_what_rolls_and_what_was_undone(server: Served) -> None:
    ended(server.store, "shop", "staging", "2.4.0")
    ended(server.store, "shop", "production", "2.3.0")
    ended(server.store, "search", "production", "8.0.0")
    ended(server.store, "search", "production", "8.1.0", old="8.0.0", status=Status.ROLLED_BACK)
    server.rollout("shop", "production", "2.4.0")
    server.person("ada", "viewer")
    found = server.signed_in("ada").get("/services.json").json["services"]
    cells = {(one["service"], cell["environment"]): cell for one in found for cell in one["environments"]}
    production = cells["shop", "production"]
    assert (production["serving"], production["arriving"]) == ("2.3.0", "2.4.0")
    assert production["age_seconds"] is not None
    assert cells["search", "production"]["serving"] == "8.0.0"
    assert cells["search", "production"]["last_status"] == "rolled-back"
    assert cells["search", "production"]["serving_since"] is not None
    differs = {"kind": "differs from", "environment": "production", "version": "2.3.0"}
    assert (cells["shop", "staging"]["drift"], production["drift"]) == (differs, None)
    text = server.signed_in("ada").get("/services").text
    for shown in ("8.1.0 rolled back", "differs from", "2 services"):
        assert shown in text


def test_r33_with_a_way_an_environment_is_behind_the_one_before_it(server: Served) -> None:
    whole = server.site.project.config.read_text()
    way = "way:\n  stages:\n    - {name: s, environment: staging}\n    - {name: p, environment: production}\n"
    only_shop = whole.partition("  search:")[0]
    server.site.project.config.write_text(only_shop + way)
    ended(server.store, "shop", "production", "2.3.0")
    ended(server.store, "shop", "staging", "2.4.0")
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    shown = browser.get("/services.json").json
    assert shown["environments"] == ["staging", "production"]
    drift = {cell["environment"]: cell["drift"] for cell in shown["services"][0]["environments"]}
    assert drift["production"] == {"kind": "behind", "environment": "staging", "version": "2.4.0"}
    assert drift["staging"] is None
    ended(server.store, "shop", "production", "2.3.1")
    drifted = browser.get("/services.json?show=drift").json["services"][0]["environments"]
    assert [cell["drift"]["kind"] for cell in drifted if cell["drift"]] == ["ahead of"], drifted


def test_r34_the_grid_shows_only_what_its_reader_may_see(server: Served) -> None:
    ended(server.store, "search", "production", "8.0.0")
    server.person("ada", "viewer@shop/staging")
    browser = server.signed_in("ada")
    shown = browser.get("/services.json").json["services"]
    assert [(one["service"], [cell["environment"] for cell in one["environments"]]) for one in shown] == [
        ("shop", ["staging"])
    ]
    assert "8.0.0" not in browser.get("/services").text
    assert browser.get("/services/search").status == 404
    assert browser.get("/services/search/production").status == 403
    assert "production" not in browser.get("/services/shop").text


def test_r34_the_grid_is_filtered_and_says_so_when_nothing_fits(server: Served) -> None:
    ended(server.store, "shop", "staging", "2.4.0")
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    assert [one["service"] for one in browser.get("/services.json?q=SEA").json["services"]] == ["search"]
    assert [one["service"] for one in browser.get("/services.json?q=2.4").json["services"]] == ["shop"]
    assert browser.get("/services.json?show=rolling").json["services"] == []
    assert "No service fits" in browser.get("/services?show=rolling&q=").text
    assert HOSTILE not in browser.get("/services?q=%3Cscript%3Ealert(%22x%22)%3C/script%3E").text
    assert browser.get("/services?show=everything").status == 400


def test_r34_without_any_role_the_grid_says_why_it_is_empty(server: Served) -> None:
    server.person("ada")
    assert "your roles cover none" in server.signed_in("ada").get("/services").text


def test_r34_the_grid_asks_the_store_as_often_for_two_environments_as_for_eight_hundred(server: Served) -> None:
    def queries() -> int:
        asked: list[str] = []
        listen = lambda *given: asked.append(given[2])  # noqa: E731
        event.listen(server.store.engine, "before_cursor_execute", listen)
        grid_of(server.site.for_(None), lambda *_: True)
        event.remove(server.store.engine, "before_cursor_execute", listen)
        return len(asked)

    ended(server.store, "shop", "staging", "1.0.0")
    ended(server.store, "shop", "staging", "1.0.1", status=Status.ROLLED_BACK)
    server.rollout("shop", "production", "2.4.0")
    few = queries()
    for number in range(40):
        ended(server.store, f"other-{number}", "production", "1.0.0")
        ended(server.store, f"other-{number}", "production", "1.0.1", status=Status.ROLLED_BACK)
    assert queries() == few
    assert len(grid_of(server.site.for_(None), lambda *_: True).cells) == 43


def test_r34_the_grid_knows_since_when_a_version_serves_also_where_no_row_tells_it(server: Served) -> None:
    odd = '2.4.0 "ü"\\'
    for version in ("2.3.0", odd):
        ended(server.store, "shop", "staging", version, at=1_000_000)
        ended(server.store, "search", "production", version, at=1_000_000)
    ended(server.store, "shop", "staging", "2.5.0", status=Status.ROLLED_BACK, at=2_000_000)
    with server.store.engine.begin() as connection:
        connection.execute(update(environments).where(environments.c.service == "search").values(serving=None))
    found = {(one.service, one.environment): one for one in every_place(server.store.engine)}
    shown = {place: (one.serving[0], one.since, one.ended) for place, one in found.items()}
    assert shown == {
        ("shop", "staging"): (odd, 1_000_600, 2_000_600),
        ("search", "production"): (odd, 1_000_600, 1_000_600),
    }


def test_r34_an_environment_shows_what_serves_its_history_in_pages_and_where_it_runs(server: Served) -> None:
    for number in range(23):
        ended(server.store, "shop", "staging", f"1.0.{number}", reason=HOSTILE)
    server.person("ada", "viewer")
    browser = server.signed_in("ada")
    text = browser.get("/services/shop/staging").text
    assert "1.0.22" in text
    assert "1.0.1<" not in text
    assert "?page=2" in text
    assert HOSTILE not in text
    assert "Nothing holds rollouts back" in text
    assert "Declare a freeze" not in text  # a viewer may not
    assert "1.0.1<" in browser.get("/services/shop/staging?page=2").text
    listed = browser.get("/services/shop/staging/history.json?page=2").json["rollouts"]
    assert [one["version"] for one in listed] == ["1.0.2", "1.0.1", "1.0.0"]
    assert browser.get("/services/shop/nowhere").status == 404


def test_r11_a_freeze_is_declared_and_lifted_by_forms_and_never_by_a_get(server: Served) -> None:
    server.person("ada", "deployer@shop")
    browser = server.signed_in("ada")
    there = "/services/shop/production"
    got = browser.submit(f"{there}/freezes", name="launch", **{"for": "4h"}, reason=HOSTILE)
    assert (got.status, got.headers.get("location")) == (303, there), got.text
    text = browser.get(there).text
    assert "Lift launch" in text
    assert HOSTILE not in text
    assert browser.get("/services.json?show=frozen").json["services"][0]["service"] == "shop"
    assert browser.get(f"{there}/freezes/lift").status == 405
    assert browser.submit(f"{there}/freezes/lift", name="launch").status == 303
    assert "Lift launch" not in browser.get(there).text
    assert browser.submit(f"{there}/freezes/lift", name="launch").status == 400
    for name, reason, long in (("x", "", "4h"), ("", "y", "4h"), ("x", "y", "soon"), ("x", "y", "0s")):
        assert browser.submit(f"{there}/freezes", name=name, reason=reason, **{"for": long}).status == 400
    assert browser.submit("/services/search/production/freezes", name="x", reason="y", **{"for": "4h"}).status == 403


def test_r34_a_form_leads_back_only_to_pages_of_this_server(server: Served) -> None:
    server.person("ada", "deployer")
    browser = server.signed_in("ada")
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b"):
        got = browser.submit(
            "/services/shop/production/freezes", name=back, reason="y", back=back, **{"for": "1h"}
        )  # fmt: skip
        assert got.headers["location"] == "/services/shop/production"
    got = browser.submit("/services/shop/production/freezes", name="a", reason="y", back="/calendar", **{"for": "1h"})
    assert got.headers["location"] == "/calendar"


def test_r34_an_environment_that_left_the_file_is_still_listed(server: Served) -> None:
    ended(server.store, "gone", "production", "1.0.0")
    server.person("ada", "viewer")
    text = server.signed_in("ada").get("/services").text
    assert "not in pilotage.yaml" in text
    assert granted("viewer").covers("gone", "production")
