"""Tenants and waves as they are configured (R33, R6): where lists come from, who is in which wave, and wishes."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.tenants.reading import read_tenants
from pilotage.app.announcements import approve
from pilotage.app.known_risk import planned
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project, Unclear
from pilotage.app.readiness.remote import CheckContext
from pilotage.app.readiness.states import BY_STATE
from pilotage.app.requests import AnnouncementRequest
from pilotage.app.wave_members import BadWaves
from pilotage.app.waves import MoveRequest, move, outdated, view, wanted_waves
from pilotage.config.readiness import ReadinessSection
from pilotage.config.waves import TenantsSection
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.errors import Invalid
from pilotage.model.readiness import Evidence
from pilotage.model.tenant import BadTenants, Tenant
from tests.clock import FakeClock

CSV = "name,region,weight,contact\nacme,eu-1,5,ops@acme.example\numbrella,us,3,\nglobex,eu-2,20,\nstark,us,9,\n"
WAVES = [
    {"name": "early", "tenants": ["acme"], "bake": "1d"},
    {"name": "eu", "where": {"region": ["eu-1", "eu-2"]}},
    {"name": "rest", "rest": True},
]
Make = Callable[..., Project]


@pytest.fixture
def project(tmp_path: Path) -> Make:
    def make(waves: object = WAVES, **environment: Any) -> Project:
        (tmp_path / "tenants.csv").write_text(CSV)
        fleet = {"kind": "process", "command": ["bin/{version}", "{port}"]}
        section = {"fleet": fleet, "router": {"kind": "envoy", "listen": "127.0.0.1:8080"}, "waves": waves}
        section |= {"tenants": {"file": "tenants.csv"}, **environment}
        answers = {
            "release_type": "minor", "deployment_strategy": "canary", "team_size": "small",
            "release_frequency": "weekly", "risk_tolerance": "medium", "stakeholder_complexity": ["multi-tenant"],
        }  # fmt: skip
        whole = {"service": "shop", "answers": answers, "environments": {"production": section}}
        (tmp_path / "pilotage.yaml").write_text(json.dumps(whole, indent=1))
        return Project(tmp_path / "pilotage.yaml", clock=FakeClock())

    return make


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────


def section(**written: object) -> TenantsSection:
    return TenantsSection.model_validate(written)


ACME = Tenant(name="acme", attributes={"region": "eu"}, contact="ops@acme.example", weight=5)
SECOND = Tenant(name="globex")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "name,region,weight,contact\nacme,eu,5,ops@acme.example\nglobex,,,\n"),
        ("list.yaml", "- {name: acme, region: eu, weight: 5, contact: ops@acme.example}\n- globex\n"),
        (
            "list.jsonl",
            '{"name": "acme", "region": "eu", "weight": 5, "contact": "ops@acme.example"}\n\n{"name": "globex"}',
        ),
    ],
)  # fmt: skip
def test_a_list_in_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_tenants(section(file=name), tmp_path) == {"acme": ACME, "globex": SECOND}


def test_a_list_in_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "crm.sqlite") as crm:
        crm.execute("CREATE TABLE customers (name TEXT, region TEXT, weight INTEGER, contact TEXT)")
        crm.execute("INSERT INTO customers VALUES ('acme', 'eu', 5, 'ops@acme.example'), ('globex', NULL, NULL, NULL)")
    monkeypatch.setenv("CRM", f"sqlite:///{tmp_path}/crm.sqlite")

    def read(query: str) -> dict[str, Tenant]:
        sql = {"database": "secret://env/CRM", "query": query}
        return read_tenants(section(sql=sql), tmp_path)

    assert read("SELECT name, region, weight, contact FROM customers ORDER BY name") == {"acme": ACME, "globex": SECOND}
    with pytest.raises(AdapterError, match="more than read"):
        read("DELETE FROM customers")


def test_a_list_of_a_command(tmp_path: Path) -> None:
    (tmp_path / "list.py").write_text('print(\'{"name": "acme", "tier": 1}\')')
    of_command = section(command=[sys.executable, "list.py"])
    assert read_tenants(of_command, tmp_path) == {"acme": Tenant(name="acme", attributes={"tier": "1"})}
    (tmp_path / "list.py").write_text("import sys; sys.exit('the CRM is down')")
    with pytest.raises(AdapterError, match="the CRM is down"):
        read_tenants(of_command, tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "name\nacme\nacme\n", "a.csv:3: the tenant acme is listed twice, first at a.csv:2"),
        ("a.csv", "tenant\nacme\n", "a.csv:1: no column is called name"),
        ("a.csv", "name,region\nacme\n", "a.csv:2: the line has not as many fields"),
        ("a.csv", "name\n", "a.csv: the list of tenants is empty"),
        ("a.yaml", "- {name: acme}\n- {region: eu}\n", "a.yaml:2: name is missing"),
        ("a.yaml", "acme: {}\n", "a.yaml:1: not a list of tenants"),
        ("a.jsonl", '{"name": "acme"}\n{', "a.jsonl:2:2: not JSON"),
        ("a.jsonl", '{"name": "ac\\nme"}', "a.jsonl:1: 'ac\\\\nme' cannot be the value of a header"),
        ("a.jsonl", '{"name": "' + "a" * 257 + '"}', "a.jsonl:1: the name of the tenant has 257 bytes"),
        ("a.jsonl", '{"name": "acme", "weight": -1}', "a.jsonl:1: weight of acme is '-1'"),
        ("a.jsonl", '{"name": "acme", "contact": "ask ada"}', "a.jsonl:1: contact of acme is 'ask ada'"),
        ("a.jsonl", '{"name": "acme", "contact": "ops,ada@acme.example"}', "contact of acme is 'ops,ada@acme.example'"),
        ("a.jsonl", '{"name": "acme", "contact": "ops\\u0000@acme.example"}', "contact of acme is"),
        ("a.jsonl", '{"name": "acme", "weight": 1e308}', "a.jsonl:1: weight of acme is '1e.308'"),
        ("a.csv", "name,region,region\nacme,eu,us\n", "a.csv:1: two columns are called region"),
        ("a.jsonl", '{"name": "acme", "of": {}}', "a.jsonl:1: the attribute of is no text"),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadTenants, match=said):
        read_tenants(section(file=name), tmp_path)


def test_a_line_of_json_ends_with_a_line_feed_alone(tmp_path: Path) -> None:
    """Unicode's line separator may stand in a text of JSON as it is."""
    (tmp_path / "a.jsonl").write_bytes('{"name": "acme", "note": "one\u2028two"}\r\n{"name": "globex"}\n'.encode())
    found = read_tenants(section(file="a.jsonl"), tmp_path)
    assert list(found) == ["acme", "globex"]
    assert found["acme"].attributes["note"] == "one\u2028two"


# ── who is in which wave ───────────────────────────────────────────────────────────────────────────────────


def test_a_wave_has_whom_it_names_and_then_whom_its_attributes_match(project: Make) -> None:
    waves = wanted_waves(project(), "production").waves
    assert [(one.name, one.members, one.size) for one in waves] == [
        ("early", ("acme",), 5), ("eu", ("globex",), 20), ("rest", (), 12),
    ]  # fmt: skip
    plan = planned(project(), "production", PlanRequest("2.0", as_update=True))
    assert [one.share_percent for one in plan.waves] == [13.5, 54.1, 32.4]
    assert plan.tenancy is not None
    assert plan.tenancy.header == "x-tenant"


@pytest.mark.parametrize(
    ("waves", "rules", "said"),
    [
        (
            [{"name": "a", "tenants": ["acmee"]}], None,
            r"pilotage.yaml:\d+: no tenant is called 'acmee'; did you mean acme\?",
        ),
        ([{"name": "a", "where": {"region": "moon"}}], None, r"pilotage.yaml:\d+: wave a has no tenant"),
        (
            [{"name": "a", "where": {"region": "us"}}, {"name": "b", "where": {"region": ["us", "eu-1"]}}], None,
            r"pilotage.yaml:\d+: umbrella is in the waves a and b",
        ),
        ([{"name": "a", "tenants": ["acme"]}], {"apart": [["acme", "nobody"]]}, "no tenant or wave is called 'nobody'"),
    ],
)  # fmt: skip
def test_waves_that_do_not_fit_the_list_are_refused_with_their_line(
    project: Make, waves: list[object], rules: object, said: str
) -> None:
    more = {"wave_rules": rules} if rules else {}
    with pytest.raises(BadWaves, match=said):
        wanted_waves(project([*waves, {"name": "rest", "rest": True}], **more), "production")


@pytest.mark.parametrize(
    ("waves", "said"),
    [
        ([{"name": "a", "tenants": ["acme"]}], "the last wave must have rest: true"),
        (
            [{"name": "rest", "rest": True}, {"name": "a", "tenants": ["acme"]}],
            "a wave with rest: true must be the last",
        ),
        ([{"name": "a", "tenants": ["acme"]}, {"name": "a", "rest": True}], "two waves are called 'a'"),
        (
            [{"name": "a", "tenants": ["acme"]}, {"name": "b", "tenants": ["acme"]}, {"name": "r", "rest": True}],
            "acme is in the waves a and b",
        ),
        ([{"name": "a"}, {"name": "r", "rest": True}], "it has no tenants"),
        ([{"name": "a", "tenants": ["acme"], "day": 3}, {"name": "r", "rest": True, "day": 2}], "use 3 or later"),
    ],
)
def test_waves_that_contradict_themselves_are_problems_of_the_file(
    project: Make, waves: list[object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        wanted_waves(project(waves), "production")


def test_a_way_back_reads_no_list(project: Make) -> None:
    made = project()
    (made.folder / "tenants.csv").unlink()
    assert planned(made, "production", PlanRequest("1.0", going_back=True)).waves == ()
    with pytest.raises(BadTenants, match=r"tenants\.csv: cannot be read"):
        planned(made, "production", PlanRequest("2.0"))


# ── wishes ─────────────────────────────────────────────────────────────────────────────────────────────────


def wish(**changes: Any) -> MoveRequest:
    usual = {"tenant": "stark", "to": "eu", "until": date(2030, 1, 1), "reason": "year's end"}
    return MoveRequest(**{**usual, **changes})


def test_a_wish_holds_until_its_day_and_a_plan_made_before_says_so(project: Make) -> None:
    made = project()
    plan = planned(made, "production", PlanRequest("2.0", as_update=True))
    until = made.today
    assert move(made, "ada", wish(until=until)).before == "rest"
    assert view(made, None).waves[1].members == 2
    assert [(one.tenant, one.to, one.actor) for one in view(made, None).moves] == [("stark", "eu", "ada")]
    assert "stark moved from rest to eu since it was made" in outdated(plan, wanted_waves(made, "production"))
    move(made, "bob", wish(tenant="globex", to="rest"))
    assert [one.name for one in wanted_waves(made, "production").waves] == ["early", "eu", "rest"]
    assert isinstance(made.clock, FakeClock)
    made.clock.pass_(2 * 86400)
    assert [one.tenant for one in view(made, None).moves] == ["globex"], "the wish of stark is over"


def test_a_wave_that_wishes_have_emptied_is_left_out(project: Make) -> None:
    made = project()
    move(made, "ada", wish(tenant="globex", to="rest"))
    assert [one.name for one in wanted_waves(made, "production").waves] == ["early", "rest"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenant": "nobody"}, "no tenant is called 'nobody'"),
        ({"to": "moon"}, "production has no wave 'moon'; it has early, eu, rest"),
        ({"until": date(2001, 1, 1)}, "--until 2001-01-01 is over"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(project: Make, changes: dict[str, object], said: str) -> None:
    with pytest.raises(Unclear, match=said):
        move(project(), "ada", wish(**changes))


def test_an_environment_without_waves_says_what_to_add(project: Make) -> None:
    made = project(waves=[])
    with pytest.raises(Invalid, match="production has no waves: add tenants and waves to it"):
        view(made, None)
    assert planned(made, "production", PlanRequest("2.0", as_update=True)).waves == ()


# ── agreed ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_r6_tenant_waves_are_agreed_by_the_waves_of_today_and_their_notices(project: Make) -> None:
    made = project()
    plan = planned(made, "production", PlanRequest("2.0", as_update=True))
    (item,) = [one for one in plan.readiness if one.id == "tenant_waves"]

    def evidence() -> Evidence:
        gates, files = ReadinessSection.model_validate({}), ProjectFiles(made.folder, 60, made.clock.now())
        found = BY_STATE[item.id](CheckContext(made.loaded, plan, made.store, gates, files, made.clock.now()), item)
        assert found is not None
        return found

    assert not evidence().ready
    assert "tenant wave notice is a draft" in evidence().sentence
    approve(made, "ada", AnnouncementRequest(plan=plan, item="tenant_wave_notice"))
    assert (evidence().ready, evidence().sentence) == (True, "3 waves with 2 tenants and the rest, and their notices")
    move(made, "ada", wish())
    assert "the plan is outdated: stark moved from rest to eu" in evidence().sentence
