"""Several services in one release: in order, and undone in reverse, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.order import cycle_in, in_order
from pilotage.model.rollout import Status
from pilotage.rollout.groups import Member, Move, moves
from tests.effort import examples
from tests.unit.config.test_config import GOOD

ORDER = {"database": (), "api": ("database",), "web": ("api",), "worker": ("api",)}
UNDER_WAY = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED, Status.WITHDRAWN)


class Release:
    """The rollouts of one release; moves are made, and rollouts take their course."""

    def __init__(self) -> None:
        self.members = {name: Member(name, name, Status.QUEUED, after) for name, after in ORDER.items()}
        self.returned: list[str] = []
        self.begun: list[str] = []

    def set(self, name: str, status: Status) -> None:
        member = self.members[name]
        self.members[name] = Member(name, member.service, status, member.after, member.returns, member.undoable)

    def step(self) -> int:
        made = moves(list(self.members.values()))
        for move, identity in made:
            match move:
                case Move.BEGIN:
                    self.begun.append(identity)
                    self.set(identity, Status.PROGRESSING)
                case Move.WITHDRAW:
                    self.set(identity, Status.ROLLED_BACK)
                case Move.ABORT:
                    self.set(identity, Status.ROLLING_BACK)
                case Move.RETURN:
                    self.returned.append(identity)
                    back = f"back-{identity}"
                    self.members[back] = Member(back, identity, Status.PROGRESSING, (), returns=True)
        return len(made)


def test_each_begins_when_those_before_it_have_the_release() -> None:
    release = Release()
    release.step()
    assert release.begun == ["database"]
    assert release.step() == 0
    release.set("database", Status.COMPLETED)
    release.step()
    release.set("api", Status.COMPLETED)
    release.step()
    assert release.begun[:2] == ["database", "api"]
    assert set(release.begun[2:]) == {"web", "worker"}


def test_one_that_fails_takes_all_back_the_last_first_one_at_a_time() -> None:
    release = Release()
    for name, status in (
        ("database", "completed"),
        ("api", "completed"),
        ("web", "rolled-back"),
        ("worker", "completed"),
    ):
        release.set(name, Status(status))
    release.step()
    assert release.returned == ["worker"]
    assert release.step() == 0, "the next one only when this one is back"
    release.set("back-worker", Status.COMPLETED)
    release.step()
    release.set("back-api", Status.COMPLETED)
    release.step()
    assert release.returned == ["worker", "api", "database"]
    release.set("back-database", Status.COMPLETED)
    assert release.step() == 0


def test_one_that_is_withdrawn_holds_the_release_and_aborts_with_it() -> None:
    release = Release()
    release.set("database", Status.COMPLETED)
    release.set("api", Status.WITHDRAWN)
    assert release.step() == 0, "a person decides, and nobody begins behind it"
    release.set("web", Status.FAILED)
    assert (Move.ABORT, "api") in moves(list(release.members.values()))


def test_a_return_that_fails_stops_for_a_person() -> None:
    release = Release()
    for name, status in (("database", "completed"), ("api", "completed"), ("web", "failed"), ("worker", "rolled-back")):
        release.set(name, Status(status))
    release.step()
    release.set("back-api", Status.FAILED)
    assert release.step() == 0
    assert release.returned == ["api"]


@given(st.lists(st.tuples(st.sampled_from(sorted(ORDER)), st.booleans()), max_size=60))
@settings(max_examples=examples(300), deadline=None)
def test_it_is_all_or_nothing_and_always_in_order(course: list[tuple[str, bool]]) -> None:
    release = Release()

    def go(name: str, well: bool) -> None:
        status = release.members[name].status
        if status in UNDER_WAY:
            release.set(name, Status.COMPLETED if well else Status.ROLLING_BACK)
        elif status is Status.ROLLING_BACK:
            release.set(name, Status.ROLLED_BACK)

    for name, well in course:
        release.step()
        go(name, well)
    for _ in range(40):
        release.step()
        for name in list(release.members):
            go(name, True)
    forward = [m for m in release.members.values() if not m.returns]
    completed = {m.service for m in forward if m.status is Status.COMPLETED}
    assert all(m.status.final for m in release.members.values())
    assert completed == set(ORDER) or completed == set(release.returned), "some have it and some do not"
    place = {name: index for index, name in enumerate(in_order(ORDER))}
    for service, after in ORDER.items():
        for earlier in after:
            if service in release.begun:
                assert release.begun.index(earlier) < release.begun.index(service)
            if {service, earlier} <= set(release.returned):
                assert release.returned.index(service) < release.returned.index(earlier), place


def test_services_that_wait_for_one_another_are_refused_with_the_ring(tmp_path: Path) -> None:
    head, _, tail = GOOD.partition("environments:")
    indented = "\n".join(f"    {line}" for line in f"environments:{tail}".splitlines())
    whole = f"{head}services:\n  api:\n    depends_on: [web]\n{indented}\n  web:\n    depends_on: [api]\n{indented}\n"
    (tmp_path / "pilotage.yaml").write_text(whole)
    with pytest.raises(ConfigError, match=r"services: (api → web → api|web → api → web) depend on each other"):
        load(tmp_path / "pilotage.yaml")
    (tmp_path / "pilotage.yaml").write_text(whole.replace("depends_on: [web]", "depends_on: [wbe]"))
    with pytest.raises(ConfigError, match="'wbe' is not one of api, web"):
        load(tmp_path / "pilotage.yaml")
    (tmp_path / "pilotage.yaml").write_text(whole.replace("depends_on: [web]", "depends_on: []"))
    view = load(tmp_path / "pilotage.yaml").of("web")
    assert view.configuration.service == "web"
    assert view.place("environments", "production", "fleet", "count") == "pilotage.yaml:29"
    assert cycle_in({"a": ["b"], "b": []}) == ()


def test_services_whose_names_come_to_the_same_folder_are_refused(tmp_path: Path) -> None:
    """`web` in `eu-production` and `web-eu` in `production` would both run in `web-eu-production`."""
    head, _, tail = GOOD.partition("environments:")
    indented = "\n".join(f"    {line}" for line in f"environments:{tail}".splitlines())
    other = indented.replace("production:", "eu-production:")
    (tmp_path / "pilotage.yaml").write_text(f"{head}services:\n  web:\n{other}\n  web-eu:\n{indented}\n")
    with pytest.raises(ConfigError, match="web-eu in production and web in eu-production would share the folder"):
        load(tmp_path / "pilotage.yaml")
