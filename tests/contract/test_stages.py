"""Every sentence of the Runs and the Artifacts port (R33), on real repositories and real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pilotage.adapters import process_records
from pilotage.adapters.fence import Fence
from pilotage.adapters.marks import marked_as
from pilotage.adapters.ports import Fenced
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.ports import Runs, RunStatus, StageResult, open_runs
from pilotage.model.way import Artifact, RunStage, Way
from tests.children import children

pytestmark = pytest.mark.real

BUILD = """
mkdir -p dist
printf 'shop %s' "$PILOTAGE_VERSION" > dist/shop.bin
cp README dist/readme.txt
"""


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    return subprocess.run(
        ["git", *author, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "feat: shop") -> str:
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-ec", script)


class Yard:
    """A project with one commit, and the ways that it sends."""

    def __init__(self, place: Path) -> None:
        self.place, self.project = place, place / "project"
        self.commit = commit(self.project, {"README": "a shop\n", "src/shop.py": "print('shop')\n"})
        self.store = place / "artifacts"

    def way(self, *stages: RunStage) -> Way:
        return Way(id="w1", service="shop", version="1.4.0", commit=self.commit, author="ada", stages=stages)

    def open(self, *stages: RunStage, token: int = 1, keep: int = 1) -> Runs:
        return open_runs(
            self.way(*stages), directory=self.place / "ways" / "w1", repository=self.project, artifacts=self.store,
            fence=Fence(self.place / "fence.json", token), keep=keep,
        )  # fmt: skip

    def file(self, name: str) -> Path:
        return self.place / "ways" / "w1" / name

    def run(self, stage: RunStage, *, artifacts: Sequence[Artifact] = ()) -> StageResult:
        runs = self.open(stage)
        runs.ensure(stage.name, 1, {}, artifacts)
        return ended(runs)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def until(holds: Callable[[], object]) -> None:
    while not holds():
        time.sleep(0.02)


def ended(runs: Runs, number: int = 1) -> StageResult:
    """The result of an attempt, once it has one."""
    until(lambda: any(one.attempt == number and one.status is not RunStatus.RUNNING for one in runs.results()))
    return next(one for one in runs.results() if one.attempt == number)


# ── what an attempt does ───────────────────────────────────────────────────────────────────────────────────


def test_a_stage_builds_in_a_clean_checkout_and_its_artifacts_are_kept_by_digest(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R33: exactly the commit, an environment that names everything, artifacts and reports as evidence."""
    (yard.project / "README").write_text("changed, not committed\n")
    (yard.project / "left-over").write_text("not of the commit\n")
    monkeypatch.setenv("TOKEN", "s3cr3t-of-the-registry")
    monkeypatch.setenv("UNNAMED", "nobody names it")
    monkeypatch.setenv("PASSED", "{version}")
    report = (
        '<testsuite tests="2" failures="0"><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>'
    )
    script = f"""
        test ! -e left-over
        test "$(git status --porcelain)" = ""
        test "$(git rev-parse HEAD)" = "$PILOTAGE_COMMIT"
        test "$1" = 1.4.0 && test "$2" = {yard.commit}
        test "$CI" = true && test -z "${{UNNAMED:-}}" && test "$PASSED" = '{{version}}' && test "$LABEL" = shop-1.4.0
        test -d "$HOME" && test -d "$TMPDIR" && test "$HOME" != "{os.environ.get("HOME")}"
        echo "the token is $TOKEN"
        {BUILD}
        echo '{report}' > report.xml
        chmod 755 dist/shop.bin
        echo built
    """
    stage = RunStage(
        name="build", commands=((*shell(script), "sh", "{version}", "{commit}"),), artifacts=("dist/*",),
        reports=("*.xml",), env={"TOKEN": "secret://env/TOKEN", "LABEL": "shop-{version}"}, pass_env=("PASSED",),
    )  # fmt: skip
    result = yard.run(stage)

    assert (result.status, result.detail) == (RunStatus.PASSED, "built")
    assert [one.name for one in result.artifacts] == ["dist/readme.txt", "dist/shop.bin"]
    blob = yard.store / "sha256" / result.artifacts[1].digest[:2] / result.artifacts[1].digest
    assert blob.read_text() == "shop 1.4.0"
    assert blob.stat().st_mode & 0o777 == 0o555
    assert [(one.kind, one.sentence) for one in result.evidence] == [
        ("report", "2 tests, 0 failed, 1 skipped"),
        ("log", ""),
    ]
    assert "the token is (secret)" in yard.file("build.1.log").read_text()
    assert not yard.file("build.1.work").exists()
    assert 0 < result.began <= result.ended
    everywhere = [path for path in yard.place.rglob("*") if path.is_file() and b"s3cr3t-of" in path.read_bytes()]
    assert everywhere == []


def test_what_fails_says_why_and_leaves_its_checkout_for_study(yard: Yard) -> None:
    stage = RunStage(name="test", commands=(shell("echo one; echo two >&2; exit 3"), shell("touch ran")))
    result = yard.run(stage)
    assert (result.status, result.detail) == (RunStatus.FAILED, "sh exited with 3: one / two")
    assert yard.file("test.1.work/source/README").exists()
    assert not yard.file("test.1.work/source/ran").exists()
    # The next attempt is clean; of the checkouts that failed, the latest stays.
    runs = yard.open(stage)
    runs.ensure("test", 2, {})
    ended(runs, 2)
    runs.ensure("test", 3, {})
    ended(runs, 3)
    assert sorted(path.name for path in yard.file("").glob("*.work")) == ["test.2.work", "test.3.work"]
    assert [one.attempt for one in runs.results()] == [1, 2, 3]


def test_time_ends_everything_that_was_started_in_whatever_session(yard: Yard) -> None:
    script = f"""
        setsid {sys.executable} -c 'import time; open("{yard.place}/far", "w").write("x"); time.sleep(600)' &
        env -i setsid sh -c 'touch {yard.place}/unmarked; sleep 600' &
        while test ! -e {yard.place}/far -o ! -e {yard.place}/unmarked; do sleep 0.05; done
        touch {yard.place}/ready
        sleep 600
    """
    stage = RunStage(name="test", commands=(shell(script),), timeout=20.0)
    runs = yard.open(stage)
    runs.ensure("test", 1, {})
    until((yard.place / "ready").exists)
    family = [process for process in psutil.process_iter() if _is_of(process, yard.place)]
    result = ended(runs)
    assert result.status is RunStatus.FAILED
    assert "timed out: the stage has 20 s" in result.detail
    psutil.wait_procs(family, timeout=60)
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []
    assert marked_as(yard.file("test.1.process.json")) == []


def _is_of(process: psutil.Process, place: Path) -> bool:
    try:
        return any(str(place) in part for part in process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (RunStage(name="a", commands=(shell("true"),), artifacts=("dist/*",)), "nothing matches dist/*"),
        (RunStage(name="a", commands=(shell("true"),), artifacts=("../*",)), "../* leads out of the checkout"),
        (RunStage(name="a", commands=(shell("ln -s /etc/passwd out"),), artifacts=("out",)), "a link that leads out"),
        (RunStage(name="a", commands=(shell("ln -s / all"),), artifacts=("all/etc/passwd",)), "a link that leads out"),
        (RunStage(name="a", commands=(shell("mkfifo pipe"),), artifacts=("pipe",)), "pipe is not a file"),
        (RunStage(name="a", commands=(shell("touch \"$(printf 'a\\nb')\""),), artifacts=("a*",)), "cannot be printed"),
        (RunStage(name="a", commands=(shell("touch \"$(printf '\\377')\""),), artifacts=("?",)), "cannot be printed"),
        (RunStage(name="a", commands=(("no-such-program",),)), "no-such-program: No such file or directory"),
        (RunStage(name="a", commands=(shell("true {artifact}"),)), "needs {artifact}, and the stages"),
        (RunStage(name="a", commands=(shell("kill -9 $$"),)), "sh was killed by signal 9"),
        (RunStage(name="a", commands=(shell("true"),), env={"A": "secret://env/NOT_THERE"}), "NOT_THERE holds nothing"),
        (RunStage(name="a", commands=(shell("echo '<a/>' > r.xml"),), reports=("r.xml",)), "is not JUnit XML"),
        (
            RunStage(
                name="a", reports=("r.xml",),
                commands=(shell("echo '<testsuite><testcase><failure/></testcase></testsuite>' > r.xml"),),
            ),
            "the reports count failures although the commands passed: 1 test, 1 failed",
        ),
        (RunStage(name="a", commands=(shell("echo latest > i"),), images=("i",)), "i names no image by its digest"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_never_passes(
    yard: Yard, stage: RunStage, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: what the runner does around it, the other tests see."""
    result = _here(yard, stage, monkeypatch)
    assert result.status is RunStatus.FAILED
    assert why in result.detail


def _here(yard: Yard, stage: RunStage, monkeypatch: pytest.MonkeyPatch, given: Sequence[Artifact] = ()) -> StageResult:
    """Run an attempt without another Python."""
    from pilotage.adapters import processes
    from pilotage.adapters.stages import attempt, runner

    monkeypatch.setattr(attempt, "end_descendants", lambda: None)
    monkeypatch.setattr(runner, "end_descendants", lambda: None)
    monkeypatch.setattr(runner, "adopt_orphans", lambda: None)

    def start(_: Path, command: Sequence[str], *__: object, environment: dict[str, str], **___: object) -> None:
        monkeypatch.setenv(runner.GIVEN, environment[runner.GIVEN])
        runner.run(Path(command[3]), Path(command[4]))

    monkeypatch.setattr(processes, "start", start)
    return yard.run(stage, artifacts=given)


def test_images_are_known_by_the_digest_that_their_builder_wrote(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c, d = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
    metadata = json.dumps({"containerimage.digest": f"sha256:{c}", "image.name": "docker.io/acme/shop:1.4.0,other"})
    script = (
        f"echo sha256:{a} > iid; echo sha256:{b} > digest; echo '{metadata}' > m.json; echo r.io:5000/x@sha256:{d} > n"
    )
    stage = RunStage(name="image", commands=(shell(script),), images=("iid", "r.io/shop=digest", "m.json", "n"))
    found = _here(yard, stage, monkeypatch).artifacts
    assert [(one.name, one.digest) for one in found] == [
        (f"sha256:{a}", a), ("r.io/shop", b), ("docker.io/acme/shop:1.4.0", c), ("r.io:5000/x", d),
    ]  # fmt: skip
    assert all(one.image for one in found)


def test_a_later_stage_gets_copies_of_the_release_that_were_verified(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = _here(yard, RunStage(name="build", commands=(shell(BUILD),), artifacts=("dist/shop.bin",)), monkeypatch)
    script = 'test "$(cat "$1")" = "shop 1.4.0"; chmod u+w "$1"; echo hacked > "$1"; test -f "$2/dist/shop.bin"'
    stage = RunStage(name="try", commands=((*shell(script), "sh", "{artifact}", "{artifacts}"),))
    assert _here(yard, stage, monkeypatch, built.artifacts).status is RunStatus.PASSED
    blob = ArtifactStore(yard.store).blobs.path(built.artifacts[0].digest)
    assert blob.read_text() == "shop 1.4.0"
    blob.chmod(0o644)
    blob.write_text("damaged")
    again = replace(stage, name="again")
    result = _here(yard, again, monkeypatch, built.artifacts)
    assert result.status is RunStatus.FAILED
    assert "the artifact dist/shop.bin is damaged" in result.detail


def test_a_fault_of_the_runner_is_a_failure_that_says_so(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    from pilotage.adapters.stages import attempt

    monkeypatch.setattr(attempt, "counts_of", lambda *_: 1 / 0)
    stage = RunStage(name="a", commands=(shell("touch r.xml"),), reports=("r.xml",))
    result = _here(yard, stage, monkeypatch)
    assert result.status is RunStatus.FAILED
    assert "Pilotage cannot run the stage: ZeroDivisionError" in result.detail


# ── started once, and found again ──────────────────────────────────────────────────────────────────────────


def test_two_controllers_at_once_start_an_attempt_once(yard: Yard) -> None:
    count = yard.place / "count"
    stage = RunStage(name="build", commands=(shell(f"echo x >> {count}"),))
    opened = [yard.open(stage) for _ in range(4)]
    threads = [threading.Thread(target=one.ensure, args=("build", 1, {})) for one in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended(yard.open(stage)).status is RunStatus.PASSED
    opened[0].ensure("build", 1, {})
    assert count.read_text() == "x\n"


def test_a_killed_controller_and_its_successor_find_the_attempt(yard: Yard) -> None:
    """R33: it runs on, and whoever comes next neither starts another one nor loses its result."""
    gate, count = yard.place / "gate", yard.place / "count"
    stage = RunStage(
        name="build", commands=(shell(f"echo x >> {count}; while test ! -e {gate}; do sleep 0.05; done"),)
    )  # fmt: skip
    program = f"""
import os, signal
from pathlib import Path
from pilotage.adapters import process_records
from tests.contract.test_stages import Yard, RunStage, shell, open_runs, Fence
from pilotage.model.way import Way
stage = RunStage(name="build", commands=({stage.commands[0]!r},))
way = Way(id="w1", service="shop", version="1.4.0", commit={yard.commit!r}, author="ada", stages=(stage,))
place = Path({str(yard.place)!r})
saved = process_records.Record.save
def save(record):
    if record.pid is not None:
        os.kill(os.getpid(), signal.SIGKILL)  # between the start and the record of it
    saved(record)
process_records.Record.save = save
open_runs(way, directory=place / "ways" / "w1", repository=place / "project", artifacts=place / "artifacts",
          fence=Fence(place / "fence.json", 1)).ensure("build", 1, {{}})
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    until(count.exists)
    successor = yard.open(stage, token=2)
    successor.ensure("build", 1, {})
    assert [one.status for one in successor.results()] == [RunStatus.RUNNING]
    with pytest.raises(Fenced):
        yard.open(stage, token=1).ensure("build", 2, {})
    gate.touch()
    assert ended(successor).status is RunStatus.PASSED
    assert count.read_text() == "x\n"


def test_what_was_about_to_start_is_started_by_the_next(yard: Yard) -> None:
    stage = RunStage(name="build", commands=(shell("true"),))
    runs = yard.open(stage)
    with pytest.MonkeyPatch.context() as patch:

        def cut_off(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("pilotage.adapters.processes.start", cut_off)
        with pytest.raises(KeyboardInterrupt):
            runs.ensure("build", 1, {})
    assert runs.results() == ()
    runs.ensure("build", 1, {})
    assert ended(runs).status is RunStatus.PASSED


def test_a_killed_runner_is_cut_off_and_what_it_left_ends_before_the_next_attempt(yard: Yard) -> None:
    """R33: neither failed nor passed; nobody starts the same attempt again by itself."""
    stage = RunStage(
        name="ship", commands=(shell(f"test -e {yard.place}/on && exit 0; touch {yard.place}/on; sleep 600"),)
    )
    runs = yard.open(stage)
    runs.ensure("ship", 1, {})
    until((yard.place / "on").exists)
    record = process_records.load(yard.file("ship.1.process.json"))
    assert record is not None
    assert record.pid is not None
    os.kill(record.pid, signal.SIGKILL)
    assert ended(runs).status is RunStatus.CUT_OFF
    runs.ensure("ship", 1, {})
    assert [one.status for one in runs.results()] == [RunStatus.CUT_OFF]
    runs.ensure("ship", 2, {})
    assert ended(runs, 2).status is RunStatus.PASSED
    assert marked_as(yard.file("ship.1.process.json")) == []
    assert not yard.file("ship.1.work").exists()


def test_what_a_killed_runner_left_is_known_until_it_was_stopped(yard: Yard) -> None:
    """R33: a way that is aborted then leaves no command running."""
    runs = yard.open(RunStage(name="ship", commands=(shell(f"touch {yard.place}/on; sleep 600"),)))
    runs.ensure("ship", 1, {})
    until((yard.place / "on").exists)
    record = process_records.load(yard.file("ship.1.process.json"))
    assert record is not None
    assert record.pid is not None
    os.kill(record.pid, signal.SIGKILL)
    assert ended(runs).left
    assert marked_as(yard.file("ship.1.process.json")) != []
    runs.stop("ship", 1)
    [stopped] = runs.results()
    assert (stopped.status, stopped.left) == (RunStatus.CUT_OFF, False)
    assert stopped.began > 0
    assert marked_as(yard.file("ship.1.process.json")) == []


def test_a_report_with_a_long_name_in_another_script_is_kept(yard: Yard) -> None:
    """R33: a name has at most 255 bytes, and a character up to four."""
    name, text = "\u65e5" * 80, '<testsuite><testcase name="a"/></testsuite>'
    runs = yard.open(RunStage(name="ship", commands=(shell(f"echo '{text}' > {name}.xml"),), reports=("*.xml",)))
    runs.ensure("ship", 1, {})
    assert ended(runs).status is RunStatus.PASSED


def test_stop_ends_an_attempt_for_good(yard: Yard) -> None:
    stage = RunStage(name="ship", commands=(shell(f"touch {yard.place}/on; sleep 600"),))
    runs = yard.open(stage)
    runs.ensure("ship", 1, {})
    until((yard.place / "on").exists)
    runs.stop("ship", 1)
    runs.stop("ship", 1)
    runs.stop("ship", 7)
    assert [one.status for one in runs.results()] == [RunStatus.CUT_OFF]
    assert marked_as(yard.file("ship.1.process.json")) == []
    assert not yard.file("ship.1.work").exists()
    assert [one for one in children() if "stages.runner" in " ".join(one.cmdline())] == []


def test_a_lost_state_is_cut_off_and_a_torn_one_too(yard: Yard) -> None:
    stage = RunStage(name="ship", commands=(shell("true"),))
    runs = yard.open(stage)
    runs.ensure("ship", 1, {})
    ended(runs)
    yard.file("ship.1.result.json").write_text('{"passed": tr')
    until(lambda: not marked_as(yard.file("ship.1.process.json")))
    assert [one.status for one in runs.results()] == [RunStatus.CUT_OFF]
    runs.ensure("ship", 1, {})
    assert [one.status for one in runs.results()] == [RunStatus.CUT_OFF]


def test_on_a_full_disk_a_stage_fails_says_so_and_the_next_attempt_passes(yard: Yard) -> None:
    """R33: on a small disk of its own; its result has its place there."""
    program = f"""
import sys, time
from pathlib import Path
from tests.contract.test_stages import Yard, RunStage, shell, ended
yard = Yard(Path({str(yard.place / "disk")!r}))
stage = RunStage(name="build", artifacts=("big",), commands=(
    shell("test $PILOTAGE_ATTEMPT = 1 || {{ echo x > big; exit 0; }}; head -c 1000000 /dev/zero > big || true"),))
runs = yard.open(stage, keep=0)
runs.ensure("build", 1, {{}})
first = ended(runs, 1)
runs.ensure("build", 2, {{}})
second = ended(runs, 2)
print(first.status, first.detail, second.status, second.detail, sep="|")
"""
    place = yard.place / "disk"
    place.mkdir()
    shell_script = f'mount -t tmpfs -o size=1200k none {place} && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", shell_script, "sh", sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    first, why, second, _ = done.stdout.strip().split("|")
    assert (first, second) == ("failed", "passed"), done.stderr
    assert "No space left on device" in why
