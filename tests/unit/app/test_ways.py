"""R33: ways are started, asked and taken along by the worker's job; real runs and a real store, rollouts that complete
at once."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pilotage.adapters.stages.blobs import Blobs
from pilotage.app.errors import exit_status
from pilotage.app.way.control import WayEnd, WayRequest, ask_way
from pilotage.app.way.starting import NobodyApproves, NoCommit
from pilotage.engine.records import ways
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.errors import Forbidden
from pilotage.model.rollout import Status
from pilotage.model.way import StageStatus, WayStatus
from pilotage.model.way_command import WayCommandKind
from tests.ways import Folder, complete

pytestmark = pytest.mark.real
STAGING = {"name": "staging", "environment": "staging"}
PRODUCTION = {"name": "production", "environment": "production"}


def e2e(folder_of_marks: Path) -> dict[str, object]:
    """A test of staging that fails once `broken` is there."""
    return {"name": "e2e", "run": ["test", "!", "-e", str(folder_of_marks / "broken")], "tests": "staging"}


class Life:
    """A worker's job, one look at a time."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.store, self.job = folder, Store(folder.state), folder.looker()

    def look(self, *, completes: bool = True) -> None:
        self.job.look(self.store)
        if completes:
            complete(self.store)

    def until(self, identity: str, wanted: WayStatus | str) -> ways.StoredWay:
        """Look until the way has a status, or its current stage waits for something."""
        deadline = time.monotonic() + 120
        while True:
            self.look()
            stored = ways.get(self.store.engine, identity)
            current = stored.state.current
            waiting = "" if current is None else stored.state.stages[current].waiting
            if wanted in (stored.state.status, waiting):
                return stored
            assert time.monotonic() < deadline, stored.state
            time.sleep(0.02)

    def ask(self, way: str, kind: WayCommandKind, actor: str = "bob") -> str | None:
        number = ways.command(self.store, way, kind, actor)
        self.look(completes=False)
        return ways.outcome(self.store.engine, number)


def test_a_failed_test_returns_staging_to_what_it_served_before(tmp_path: Path) -> None:
    folder = Folder.make(tmp_path / "shop", [STAGING, e2e(tmp_path), PRODUCTION])
    life = Life(folder)
    first = life.until(folder.start().way.id, WayStatus.COMPLETED)
    assert [life.store.serving("shop", name) for name in ("staging", "production")] == [("1.0.0",), ("1.0.0",)]

    (tmp_path / "broken").touch()
    folder.git("commit", "-qm", "second", "--allow-empty")
    folder.git("tag", "v1.1.0")
    failed = life.until(folder.start("1.1.0").way.id, WayStatus.FAILED)
    assert failed.way.commit != first.way.commit
    assert life.store.serving("shop", "staging")[0] == "1.0.0"
    versions = [one.version for one in life.store.history("shop", "staging")]
    assert versions == ["1.0.0", "1.1.0", "1.0.0"]
    assert [one.version for one in life.store.history("shop", "production")] == ["1.0.0"]
    assert failed.state.left == ()

    # Mended outside the commit: the version goes the same way again, and staging is not told twice of anything.
    (tmp_path / "broken").unlink()
    again = life.until(folder.start("1.1.0").way.id, WayStatus.COMPLETED)
    assert again.way.commit == failed.way.commit
    assert life.store.serving("shop", "production")[0] == "1.1.0"
    life.store.close()


def test_what_nothing_served_before_stays_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    folder = Folder.make(tmp_path / "shop", [STAGING, e2e(tmp_path)])
    life = Life(folder)
    failed = life.until(folder.start().way.id, WayStatus.FAILED)
    assert failed.state.left == ("staging: nothing served before, so it stays",)
    life.store.close()


def test_a_rollout_that_goes_back_fails_the_way(tmp_path: Path) -> None:
    folder = Folder.make(tmp_path / "shop", [STAGING, PRODUCTION])
    life, stored = Life(folder), folder.start()
    life.look(completes=False)
    life.look(completes=False)
    assert complete(life.store, Status.ROLLED_BACK) == 1
    failed = life.until(stored.way.id, WayStatus.FAILED)
    assert "staging failed: staging" in failed.state.reason
    assert life.store.history("shop", "production") == ()
    life.store.close()


def test_what_was_built_from_the_same_files_is_not_built_again(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    build = {"name": "build", "run": ["sh", "-c", f"echo x >> {counts}; date +%N > out"], "artifacts": ["out"]}
    folder = Folder.make(tmp_path / "shop", [build, {**PRODUCTION, "approval": {"count": 1}}])
    life = Life(folder)
    first = life.until(folder.start().way.id, "approval")
    assert life.ask(first.way.id, WayCommandKind.ABORT) == "done"
    assert life.until(first.way.id, WayStatus.ABORTED).state.reason == "aborted by bob"
    again = life.until(folder.start().way.id, "approval")
    assert again.state.stages[0].status is StageStatus.CARRIED
    assert again.state.stages[0].carried_from == first.way.id
    assert again.state.artifacts == first.state.artifacts
    assert counts.read_text().split() == ["x"]
    life.store.close()


def test_what_was_damaged_in_the_store_is_built_again(tmp_path: Path) -> None:
    """R33: else every further way of the commit would take the damaged file along, and fail."""
    folder = Folder.make(
        tmp_path / "shop",
        [
            {"name": "build", "run": ["sh", "-c", "echo good > out"], "artifacts": ["out"]},
            {**PRODUCTION, "approval": {"count": 1}},
        ],
    )
    life = Life(folder)
    first = life.until(folder.start().way.id, "approval")
    life.ask(first.way.id, WayCommandKind.ABORT)
    [artifact] = first.state.artifacts
    blob = Blobs(folder.state / "artifacts").path(artifact.digest)
    blob.chmod(0o600)
    blob.write_text("evil\n")
    again = life.until(folder.start().way.id, "approval")
    assert again.state.stages[0].status is StageStatus.PASSED
    assert again.state.artifacts == first.state.artifacts
    assert blob.read_text() == "good\n"
    life.store.close()


def test_what_a_command_says_last_reaches_no_terminal_as_it_is(tmp_path: Path) -> None:
    """R33: it is the reason of the failure, so `pilotage way` shows it."""
    say = r"printf '\033]0;title\007\033[31mred\000'; exit 1"
    folder = Folder.make(tmp_path / "shop", [{"name": "build", "run": ["sh", "-c", say]}])
    life = Life(folder)
    failed = life.until(folder.start().way.id, WayStatus.FAILED)
    assert failed.state.reason == "build failed: sh exited with 1: red"
    assert failed.state.stages[0].detail == "sh exited with 1: red"
    life.store.close()


@pytest.mark.parametrize("name", ["broken \ud800", "\x1b[31mred\nnext", "x" * 100_000])
def test_what_another_system_writes_is_recorded_as_a_line(name: str, tmp_path: Path) -> None:
    """R33: neither an escape sequence nor half a character of UTF-16 nor a flood reaches the record or a terminal."""
    run = {
        "id": 1, "name": "test", "status": "completed", "conclusion": name, "html_url": name, "check_suite": {"id": 1},
    }  # fmt: skip
    answer = json.dumps({"total_count": 1, "check_runs": [run], "statuses": []}).encode()

    class System(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), System) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked = {"kind": "github", "repository": "acme/shop", "url": f"http://127.0.0.1:{server.server_port}"}
        folder = Folder.make(tmp_path / "shop", [{"name": "ci", "await": {**asked, "checks": ["test"]}}])
        life, stored = Life(folder), folder.start()
        failed = life.until(stored.way.id, WayStatus.FAILED)
        assert failed.state.reason.isprintable()
        assert len(failed.state.reason) < 1000
        assert all(one.where.isprintable() for one in failed.state.stages[0].evidence)
        life.store.close()
        server.shutdown()


@pytest.mark.parametrize("kind", [WayCommandKind.APPROVE, WayCommandKind.HOLD])
def test_an_approval_is_for_the_stage_that_waited_when_it_was_given(
    kind: WayCommandKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R33: typed twice, it approves no stage that comes next; a hold is for the way, wherever it is."""
    folder = Folder.make(tmp_path / "shop", [{**PRODUCTION, "approval": {"count": 1}}])
    life, stored = Life(folder), folder.start()
    life.until(stored.way.id, "approval")
    monkeypatch.setattr("pilotage.app.way.control._ANSWER_DEADLINE", 0.0)
    monkeypatch.setattr("pilotage.app.project.Project.ensure_worker", lambda _: None)
    project = folder.project()
    ask_way(project, "bob", WayRequest(kind=kind))
    project.store.close()
    [asked] = ways.pending(life.store.engine, stored.way.id)
    assert asked.stage == ("production" if kind is WayCommandKind.APPROVE else "")
    life.store.close()


def test_people_approve_promote_hold_and_abort(tmp_path: Path) -> None:
    gated = {**PRODUCTION, "approval": {"count": 1, "roles": ["QA lead"]}, "start": "manual"}
    people = {"ada": {"roles": ["QA lead"]}, "bob": {}, "cleo": {"roles": ["QA lead"]}}
    folder = Folder.make(tmp_path / "shop", [gated], people=people)
    life, stored = Life(folder), folder.start()
    way = stored.way.id
    life.until(way, "promotion")
    project = folder.project()
    for actor, why in (("ada", "started this way"), ("bob", "does not have the role QA lead")):
        with pytest.raises(Forbidden, match=why):
            ask_way(project, actor, WayRequest(kind=WayCommandKind.APPROVE))
    project.store.close()
    assert life.ask(way, WayCommandKind.PROMOTE) == "done"
    life.until(way, "approval")
    assert life.ask(way, WayCommandKind.HOLD) == "done"
    assert life.ask(way, WayCommandKind.APPROVE, "cleo") == "done"
    life.look()
    assert life.store.history("shop", "production") == (), "nothing begins while it is held"
    assert life.ask(way, WayCommandKind.RETRY) == "refused: production is waiting, not cut off"
    assert life.ask(way, WayCommandKind.RESUME) == "done"
    ended = life.until(way, WayStatus.COMPLETED)
    assert ended.state.stages[0].approved == ("cleo",)
    project = folder.project()
    late = ask_way(project, "bob", WayRequest(kind=WayCommandKind.HOLD))
    assert late.end is WayEnd.TOO_LATE
    project.store.close()
    life.store.close()


def test_a_way_that_replaces_another_begins_once_that_has_ended(tmp_path: Path) -> None:
    folder = Folder.make(tmp_path / "shop", [{**PRODUCTION, "start": "manual"}])
    life, first = Life(folder), folder.start()
    life.until(first.way.id, "promotion")
    with pytest.raises(StoreConflict, match=r"1\.0\.0 is on its way"):
        folder.start("1.1.0")
    second = folder.start("1.1.0", replace=True)
    life.until(second.way.id, "promotion")
    assert folder.read(first.way.id).state.reason == "aborted by ada: replaced by 1.1.0"
    assert folder.read(first.way.id).state.status is WayStatus.ABORTED
    life.store.close()


def test_an_environment_where_another_version_rolls_out_is_waited_for(tmp_path: Path) -> None:
    folder = Folder.make(tmp_path / "shop", [PRODUCTION])
    life = Life(folder)
    life.until(folder.start().way.id, WayStatus.COMPLETED)
    from pilotage.app.deploy import deploy
    from pilotage.app.plan import PlanRequest, plan_for
    from pilotage.app.requests import DeployRequest

    project = folder.project()
    deploy(project, "eve", DeployRequest(plan=plan_for(project.loaded, "production", PlanRequest("0.9"))))
    project.store.close()
    stored = folder.start("1.1.0")
    for _ in range(3):
        life.look(completes=False)
    [stage] = folder.read(stored.way.id).state.stages
    assert stage.waiting == "refused"
    assert "0.9 is rolling out in production" in stage.detail
    complete(life.store)
    life.until(stored.way.id, WayStatus.COMPLETED)
    life.store.close()


def test_a_way_is_refused_in_one_sentence_before_anything_is_recorded(tmp_path: Path) -> None:
    build = {"name": "build", "run": ["make"]}
    folder = Folder.make(tmp_path / "shop", [build, PRODUCTION])
    with pytest.raises(NoCommit, match=r"git has no tag 2\.0 or v2\.0: tag the commit, or name it with --commit"):
        folder.start("2.0")
    with pytest.raises(NoCommit, match="has no commit 'nowhere'"):
        folder.start("2.0", commit="nowhere")
    text = (folder.path / "pilotage.yaml").read_text()
    (folder.path / "pilotage.yaml").write_text(text + "\n")
    with pytest.raises(NoCommit, match=r"pilotage.yaml has changes that are in no commit"):
        folder.start("2.0", commit="HEAD")

    alone = {**PRODUCTION, "approval": {"count": 1, "roles": ["QA lead"]}}
    other = Folder.make(tmp_path / "other", [alone], people={"ada": {"roles": ["QA lead"]}})
    with pytest.raises(NobodyApproves, match="production must be approved by a person other than ada") as refused:
        other.start()
    assert exit_status(refused.value)[0] == 3
    assert not (folder.state / "pilotage.sqlite").exists() or not ways.listed(Store(folder.state).engine, "shop")


def test_down_ends_what_a_stage_runs_and_a_person_is_asked_then(tmp_path: Path) -> None:
    import psutil

    from pilotage.app.teardown import down

    pid = tmp_path / "pid"
    folder = Folder.make(tmp_path / "shop", [{"name": "build", "run": ["sh", "-c", f"echo $$ > {pid}; sleep 600"]}])
    life, stored = Life(folder), folder.start()
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text().strip()):
        life.look()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    project = folder.project()
    assert "a stage of a way was running, and is cut off" in down(project, "ada").cut_off
    project.store.close()
    assert not psutil.pid_exists(int(pid.read_text())) or psutil.Process(int(pid.read_text())).status() == "zombie"
    cut = life.until(stored.way.id, "cut-off")
    assert cut.state.stages[0].status is StageStatus.CUT_OFF
    assert life.ask(stored.way.id, WayCommandKind.ABORT) == "done"
    life.until(stored.way.id, WayStatus.ABORTED)
    life.store.close()


def test_r33_a_service_of_a_monorepo_starts_from_its_own_tag(tmp_path: Path) -> None:
    folder = Folder.make(tmp_path / "shop", [{"name": "test", "run": ["true"]}], tag_prefix="web-v")
    with pytest.raises(NoCommit, match=r"git has no tag web-v1\.0\.0: tag the commit, or name it with --commit"):
        folder.start()
    folder.git("tag", "web-v1.0.0")
    assert len(folder.start().way.commit) == 40
