"""What a rollout knows of its configuration is read by every version, and nothing wrong with it blocks the way back."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilotage.adapters.checks import StepChecks
from pilotage.adapters.fleets.process_adapter import ProcessFleetSection
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_adapter import EnvoyRouterSection
from pilotage.app.project import Project
from pilotage.config.loading import load
from pilotage.config.stored import UnreadableSection, read_section
from pilotage.engine.execution.description import describe
from pilotage.engine.execution.instruments import probe_specs, rules_of
from pilotage.engine.execution.targets import open_target
from pilotage.model.json import find, text_at
from pilotage.model.snapshot import FORMAT, KnownPerson, Membership, Snapshot, read_snapshot
from tests.stores.test_plans import bare
from tests.unit.config.test_config import GOOD

FIRST_SHAPE: dict[str, Any] = {
    "environment": {"fleet": {}},
    "cwd": "/shop",
    "routes": ["/api"],
    "people": {"ada": {"roles": ["QA lead"], "also": ["slack:U1"]}},
    "notify": [{"kind": "webhook", "url": "secret://env/HOOK"}],
    "calendar": {"zone": "Europe/Berlin", "freezes": [{"name": "audit", "begins": 1, "ends": 2.5}], "windows": []},
    "release": {"after": ["api"], "lockstep": True},
}
"""As the first versions stored it: without a format, without files."""


def test_a_snapshot_of_the_first_versions_is_read() -> None:
    found = read_snapshot(FIRST_SHAPE)
    assert (found.format, found.trouble, found.cwd, found.routes) == (0, (), "/shop", ("/api",))
    assert found.person("slack:U1") == ("ada", KnownPerson(roles=("QA lead",), aliases=("slack:U1",)))
    assert found.calendar.freezes[0].ends == 2.5
    assert found.release == Membership(after=("api",), lockstep=True)
    assert found.files == {}


def test_what_is_written_is_read_again() -> None:
    kept = replace(read_snapshot(FIRST_SHAPE), format=FORMAT, files={"page.html": "<p>"})
    assert read_snapshot(kept.to_dict()) == kept


def test_a_snapshot_of_a_newer_version_is_read_as_far_as_it_is_known(caplog: pytest.LogCaptureFixture) -> None:
    newer = {**FIRST_SHAPE, "format": 98, "regions": ["eu"], "people": {"ada": {"roles": [], "pronouns": "she"}}}
    found = read_snapshot(newer)
    assert found.people == {"ada": KnownPerson()}
    assert found.trouble == ()
    assert "98" in caplog.text


@pytest.mark.parametrize("part", FIRST_SHAPE)
@pytest.mark.parametrize("wrong", [None, 7, "x", [1], {"a": 1}, {"a": [None]}])
def test_whatever_stands_in_a_part_the_others_are_read(part: str, wrong: Any) -> None:
    found, whole = read_snapshot({**FIRST_SHAPE, part: wrong}), read_snapshot(FIRST_SHAPE)
    others = [name for name in FIRST_SHAPE if name != part]
    assert [getattr(found, name) for name in others] == [getattr(whole, name) for name in others]
    assert found.trouble or getattr(found, part) != getattr(whole, part)


def test_of_a_list_the_members_that_can_be_read_are_kept_and_the_others_are_told() -> None:
    freezes = [{"name": "audit", "begins": 1, "ends": 2}, {"name": "peak"}]
    found = read_snapshot({"calendar": {"zone": "UTC", "freezes": freezes}, "notify": [{"kind": "email"}, 4]})
    assert [freeze.name for freeze in found.calendar.freezes] == ["audit"]
    assert found.notify == ({"kind": "email"},)
    assert any("calendar.freezes.1" in sentence for sentence in found.trouble)
    assert any("notify.1" in sentence for sentence in found.trouble)


def test_the_shape_of_a_snapshot_changes_with_its_format_alone() -> None:
    """Where this fails: raise FORMAT, keep `read_snapshot` reading what older versions wrote, add the fingerprint."""
    shape = json.dumps(bare(msgspec.json.schema(Snapshot)), sort_keys=True)
    shapes = {1: "26cca79d46fae6f9", 2: "179aa34b38e89327", 3: "9a9f96481b4150a9"}
    assert shapes.get(FORMAT) == hashlib.sha256(shape.encode()).hexdigest()[:16]


@pytest.mark.parametrize("rubbish", [None, [], 3, "text"])
def test_a_snapshot_that_is_no_object_is_trouble_and_no_crash(rubbish: object) -> None:
    assert read_snapshot(rubbish).trouble


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kept(tmp_path: Path) -> Snapshot:
    path = tmp_path / "pilotage.yaml"
    path.write_text(GOOD)
    return describe(load(path).configuration.environments["production"], tmp_path)


def changed(kept: Snapshot, **parts: Any) -> Snapshot:
    return replace(kept, environment={**kept.environment, **parts})


def page_of(router: Any) -> str:
    assert isinstance(router, EnvoyRouter)
    page: str = router._settings.page
    return page


def test_a_deleted_maintenance_page_is_shown_as_it_was(tmp_path: Path, kept: Snapshot) -> None:
    section = load(tmp_path / "pilotage.yaml").configuration.environments["production"]
    page = tmp_path / "closed.html"
    page.write_text("<p>closed</p>")
    assert section.router
    router = section.router.model_copy(update={"maintenance_page": "closed.html"})
    kept = read_snapshot(describe(section.model_copy(update={"router": router}), tmp_path).to_dict())
    page.unlink()
    assert page_of(open_target(tmp_path, kept, "shop", "production", 1).router) == "<p>closed</p>"
    kept_nothing = replace(kept, files={})
    assert page_of(open_target(tmp_path, kept_nothing, "shop", "production", 1).router) == ""


def test_a_page_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    from pilotage.app.plan import PlanRequest, plan_for
    from pilotage.app.preconditions import PlanStopped, check_may_begin
    from pilotage.app.requests import DeployRequest
    from pilotage.engine.records.store import Store

    path = tmp_path / "pilotage.yaml"
    listen = 'listen: "127.0.0.1:28080"'
    path.write_text(GOOD.replace(listen, f"{listen}, maintenance_page: closed.html"))
    loaded, store = load(path), Store(tmp_path / "state")
    request = DeployRequest(plan=plan_for(loaded, "production", PlanRequest("2")))
    with pytest.raises(PlanStopped, match=r"pilotage\.yaml:\d+: closed\.html cannot be read"):
        check_may_begin(Project.of(loaded, store), "ada", request)
    (tmp_path / "closed.html").write_text("<p>closed</p>")
    check_may_begin(Project.of(loaded, store), "ada", request)
    store.close()


def test_an_unknown_key_anywhere_is_ignored_with_a_warning(
    tmp_path: Path, kept: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = {**kept.section("fleet"), "gpu": True}
    newer = changed(kept, fleet=fleet, regions=["eu"], probes=[{"http": "/x", "name": "x", "retries": 3}])
    target = open_target(tmp_path, newer, "shop", "production", 1)
    assert target.trouble == ()
    assert "fleet.gpu" in caplog.text
    assert "regions" in caplog.text
    assert [probe.name for probe in probe_specs(newer)] == ["x"]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("probes", [{"http": "no slash", "name": "x"}]),
        ("synthetic", {"path": "/", "requests_per_second": "often"}),
        ("analysis", {"prometheus": "gopher://x", "rules": [], "signals": {}}),
        ("routes", [{"path": "/"}]),
        ("errors", ["6xx"]),
        ("traffic", 4),
        ("metrics", {"kind": "command", "observe": ["false"]}),
    ],
)
def test_a_guard_that_cannot_be_read_is_left_out_and_told(
    tmp_path: Path, kept: Snapshot, part: str, wrong: Any
) -> None:
    target = open_target(tmp_path, changed(kept, **{part: wrong}), "shop", "production", 1)
    assert any(sentence.startswith(part) for sentence in target.trouble)


def test_of_rules_and_probes_those_that_can_be_read_stay(kept: Snapshot) -> None:
    good = {"name": "apdex", "query": "a", "success_condition": "result[0] > 1"}
    bad = {"name": "odd", "query": "b", "failure_condition": "result ~ 1"}
    mixed = changed(kept, analysis={"prometheus": "http://p:9090", "rules": [bad, good]})
    assert [rule.name for rule in rules_of(mixed, "2", "1")] == ["apdex"]


def test_a_check_that_cannot_be_read_fails_and_never_passes_by_default(tmp_path: Path, kept: Snapshot) -> None:
    target = open_target(tmp_path, changed(kept, checks={"check-smoke": [{"script": "x"}]}), "shop", "production", 1)
    assert isinstance(target.checks, StepChecks)
    assert target.checks.names() == {"check-smoke"}
    assert "cannot read the check" in text_at(target.checks._configured["check-smoke"][0], "unreadable")


def test_what_brings_users_back_is_used_as_it_stands(kept: Snapshot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    fleet = {**kept.section("fleet"), "health_check_path": "healthz", "stop_timeout": "soon", "count": 0}
    router = {**kept.section("router"), "sticky": {"cookie": "a b"}, "version_header": "x version"}
    found = read_section({**kept.environment, "fleet": fleet, "router": router, "flag": {"file": "f", "key": " k"}})
    assert isinstance(found.section.fleet, ProcessFleetSection)
    assert isinstance(found.section.router, EnvoyRouterSection)
    assert found.section.fleet.command == find(kept.environment, "fleet", "command")
    assert found.section.fleet.stop_timeout == 10.0
    assert found.section.router.listen == find(kept.environment, "router", "listen")
    assert found.section.router.sticky is None
    assert found.section.flag is not None
    assert found.section.flag.key == " k"
    assert len(found.trouble) >= 5


def test_without_a_fleet_there_is_nothing_to_act_upon(kept: Snapshot) -> None:
    with pytest.raises(UnreadableSection):
        read_section({"router": kept.environment["router"]})
