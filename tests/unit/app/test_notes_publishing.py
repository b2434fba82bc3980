"""R22, R23: release notes are published once when all users have a version, and a day later with what was learned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.adapters import code_host, http
from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.issues import issues_since
from pilotage.adapters.ports import AdapterError
from pilotage.app.standing import note
from pilotage.app.worker import Notes
from pilotage.cli.main import cli
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.report import Report, ReportKind, ReportState
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.cases.history import History
from tests.clock import FakeClock
from tests.plans import a_plan
from tests.receivers import Answer, Receiver, fine, listening
from tests.receiving.gitea import ACCESS, GiteaApi
from tests.unit.app.test_publication import configured

DAY = 86400.0


class House:
    """A repository, its store, a Gitea, and the worker's job."""

    def __init__(self, folder: Path, gitea: GiteaApi) -> None:
        self.history, self.gitea, self.clock = History(folder / "shop"), gitea, FakeClock()
        self.folder = self.history.folder
        self.history.commit("feat: start", tag="v1.0")
        self.history.commit("feat: gift cards", tag="v2.0")
        gitea.tags = {"v1.0", "v2.0"}
        self.state = self.folder / ".pilotage"
        self.store = Store(self.state, clock=self.clock)

    def configured(self, **publish: Any) -> None:
        release = {"code_host": "gitea", "repository": "acme/shop", "url": self.gitea.url, "token": "secret://env/G"}
        places = {"folder": "docs/releases", "page": "public", "release": release}
        section = {"environment": "production", **places, **publish}
        note(self.state, load(configured(self.folder, notes={"publish": section})))

    def rollout(self, version: str, old: str | None, status: Status | None = Status.COMPLETED) -> None:
        plan = a_plan(version=version)
        mode = Mode.FULL if old else Mode.INITIAL
        made = self.store.create(plan, begin(plan, old, mode), Snapshot(cwd="/"), "ada", self.clock.now())
        self.clock.pass_(600)
        if status is not None:
            state = replace(made.state, status=status, at=self.clock.now())
            self.store.record(made, Decision(state, (), (Event(status.value, "the end"),)), None, NOTHING_SEEN)

    def work(self) -> None:
        Notes(self.state).publish(self.store)

    def said(self) -> str:
        return CliRunner().invoke(cli, ["-c", str(self.folder / "pilotage.yaml"), "notes", "--published"]).stdout


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("G", ACCESS)
    gitea = GiteaApi()
    with listening(gitea) as url:
        gitea.url = url
        yield House(tmp_path, gitea)


def test_r23_notes_go_to_folder_page_and_code_host_when_all_users_have_the_version_and_once(house: House) -> None:
    house.configured()
    house.rollout("1.0", None)
    house.rollout("2.0", "1.0", status=None)
    house.work()
    assert set(house.gitea.releases) == {"v1.0"}, "nothing of a rollout that may still be undone"
    (unfinished,) = (one for one in house.store.active() if one.version == "2.0")
    made = house.store.get(unfinished.id)
    state = replace(made.state, status=Status.COMPLETED, at=house.clock.now())
    house.store.record(made, Decision(state, (), (Event("completed", "the end"),)), None, NOTHING_SEEN)
    house.work()
    assert "gift cards" in house.gitea.releases["v2.0"]["body"].lower()
    assert "gift cards" in (house.folder / "docs/releases/2.0.md").read_text().lower()
    assert "gift cards" in (house.folder / "public/2.0.html").read_text().lower()
    assert '<a href="2.0.html"' in (house.folder / "public/index.html").read_text()
    writes = house.gitea.writes
    Notes(house.state).publish(Store(house.state, clock=house.clock))
    assert house.gitea.writes == writes, "another worker publishes nothing twice"


def test_r23_with_blue_green_users_need_not_wait_until_the_old_environment_is_removed(house: House) -> None:
    """All have the version, and its last watch is over, while the old one is kept for days; as for announcements."""
    house.configured()
    house.rollout("1.0", None)
    plan = a_plan(strategy="blue-green", version="2.0")
    made = house.store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(cwd="/"), "ada", house.clock.now())
    house.work()
    assert set(house.gitea.releases) == {"v1.0"}
    keep = next(number for number, step in enumerate(plan.steps) if step.id == "keep")
    made = house.store.record(made, Decision(replace(made.state, step=keep), (), ()), None, NOTHING_SEEN)
    house.work()
    assert set(house.gitea.releases) == {"v1.0", "v2.0"}
    writes = house.gitea.writes
    state = replace(made.state, status=Status.COMPLETED, at=house.clock.now())
    house.store.record(made, Decision(state, (), (Event("completed", "the end"),)), None, NOTHING_SEEN)
    house.work()
    assert house.gitea.writes == writes


def test_r22_a_day_later_the_same_notes_say_what_was_learned_since(house: House) -> None:
    house.configured()
    house.rollout("1.0", None)
    house.rollout("2.0", "1.0")
    house.work()
    here = Report(service="service", environment="production", version="2.0", at=house.clock.now() + 60)
    number = reports.add(house.store.engine, replace(here, text="my secret problem"))
    assert number is not None
    reports.decide(house.store.engine, "service", number, ReportState.CONFIRMED, "ada", "", house.clock.now())
    for rating in (5, 4):
        reports.add(house.store.engine, replace(here, kind=ReportKind.FEEDBACK, rating=rating))
    house.clock.pass_(DAY + 1)
    house.work()
    body = house.gitea.releases["v2.0"]["body"]
    for words in ("2.0 is what users get", "confirmed 1 reported problem.", "Users rate it 4.5 of 5 (2 ratings)"):
        assert words in body
        assert words in (house.folder / "docs/releases/2.0.md").read_text()
    assert "my secret problem" not in body, "words of users are not published"
    assert "1.0 has replaced" not in body


def test_r22_notes_of_a_version_that_was_taken_back_say_so(house: House) -> None:
    house.configured()
    house.rollout("1.0", None)
    house.rollout("2.0", "1.0")
    house.work()
    writes = house.gitea.writes
    house.rollout("1.0", "2.0")
    house.work()
    assert house.gitea.writes == writes, "a return is no release"
    house.clock.pass_(DAY + 1)
    house.work()
    assert "2.0 was withdrawn; users have 1.0 again." in house.gitea.releases["v2.0"]["body"]


def test_r23_what_a_person_wrote_stays_as_it_is_and_the_reason_is_shown(house: House) -> None:
    house.configured()
    house.gitea.releases["v1.0"] = {"id": 7, "body": "by hand", "html_url": "x"}
    (house.folder / "docs/releases").mkdir(parents=True)
    (house.folder / "docs/releases/1.0.md").write_text("by hand")
    house.rollout("1.0", None)
    house.work()
    assert house.gitea.releases["v1.0"]["body"] == "by hand"
    assert (house.folder / "docs/releases/1.0.md").read_text() == "by hand"
    assert "v1.0 has a release that Pilotage did not write" in " ".join(house.said().split())
    assert (house.folder / "public/1.0.html").exists(), "one place that fails stops no other"


def test_r23_a_code_host_that_is_down_is_asked_again_and_given_up_after_a_day(house: House) -> None:
    house.configured()
    house.gitea.refuse = 503
    house.rollout("1.0", None)
    house.work()
    house.gitea.refuse = 0
    house.work()
    assert not house.gitea.releases, "not before half a minute has passed"
    house.clock.pass_(31)
    house.work()
    assert set(house.gitea.releases) == {"v1.0"}
    house.gitea.refuse = 503
    for _ in range(60):
        house.clock.pass_(3600)
        house.work()
    assert "dead" in house.said()
    assert ACCESS not in house.said()


def test_r23_an_edited_draft_goes_before_what_is_made(house: House) -> None:
    house.configured(draft="notes/{version}.md")
    (house.folder / "notes").mkdir()
    (house.folder / "notes/1.0.md").write_text("# Our first\n\nWith love. <!-- c1 -->\n")
    house.rollout("1.0", None)
    house.work()
    assert house.gitea.releases["v1.0"]["body"].startswith("# Our first\n\nWith love.")


class OtherHosts(Receiver):
    """GitHub's and GitLab's releases by their published APIs."""

    def __init__(self) -> None:
        super().__init__()
        self.releases: dict[str, dict[str, Any]] = {}

    def take(self, path: str, headers: Any, body: bytes) -> Answer:
        content, name, method = json.loads(body or b"{}"), path.rpartition("/")[2], headers[":method"]
        of_gitlab = path.startswith("/api/v4/projects/acme%2Fshop/releases")
        assert headers["PRIVATE-TOKEN" if of_gitlab else "Authorization"].endswith(ACCESS)
        if method == "GET":
            found = self.releases.get(name)
            return fine(found) if found else (404, {}, b"{}")
        if method == "POST":
            links = {"self": f"{self.url}/{content['tag_name']}"}
            made = {"id": 1, "html_url": links["self"], "_links": links, **content}
            self.releases[content["tag_name"]] = made
            return 201, {}, json.dumps(made).encode()
        assert method == ("PUT" if of_gitlab else "PATCH")
        (one,) = self.releases.values()
        one.update(content)
        return fine(one)


@pytest.mark.parametrize(("kind", "key"), [("github", "body"), ("gitlab", "description")])
def test_r23_github_and_gitlab_get_one_release_that_is_changed_later(house: House, kind: str, key: str) -> None:
    host = OtherHosts()
    with listening(host) as url:
        release = {"code_host": kind, "repository": "acme/shop", "url": url, "token": "secret://env/G"}
        house.configured(folder=None, page=None, release=release)
        house.rollout("1.0", None)
        house.work()
        assert "start" in host.releases["v1.0"][key].lower()
        house.clock.pass_(DAY + 1)
        house.work()
        assert "Since the release" in host.releases["v1.0"][key]
        assert len(host.releases) == 1


def test_an_environment_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    section = {"publish": {"environment": "live", "folder": "docs"}}
    with pytest.raises(ConfigError, match="'live' is not one of production"):
        load(configured(tmp_path, notes=section))


@pytest.mark.parametrize(
    "answer", ["[]", "7", "{", '[{"created_at": "0001-01-01T00:00:00+23:59", "labels": []}]', "[7]"]
)
def test_what_a_tracker_must_not_say_is_an_error_and_no_crash(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    pages = iter([answer, "[]"])
    given = (http.Answer(status=200, body=page.encode()) for page in pages)
    monkeypatch.setattr(code_host, "exchange", lambda *_: next(given, http.Answer(status=200, body=b"[]")))
    place = CodeRepository(kind="gitea", repository="a/b", url="http://x")
    with suppress(AdapterError):
        assert issues_since(place, "bug", 0.0) == ()
