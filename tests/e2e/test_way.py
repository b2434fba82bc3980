"""R33, R10: a version travels from its commit through staging, its tests and an approval to production; a failed test
takes staging back, and production is never entered."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import psutil
import pytest

from pilotage.demo.traffic import Traffic

from ..typed import typed
from .conftest import Make, Shop
from .test_promotion import with_staging

pytestmark = pytest.mark.real

PROGRAM = "import runpy; runpy.run_module('pilotage.demo.shop', run_name='__main__')"
CHECK = "import sys, pathlib; sys.exit(pathlib.Path(sys.argv[1]).exists())"


def with_way(it: Shop) -> str:
    """Build, staging, a test of it, and production; the folder in git. Returns the address of staging."""
    staging = with_staging(it)
    broken = str(it.directory / "broken")
    build = ["sh", "-c", f'mkdir dist && echo "{PROGRAM}  # {{version}}" > dist/shop.py']
    tests = [["test", "{url}", "=", staging], ["python3", "-c", CHECK, broken]]
    stages = [
        {"name": "build", "run": build, "artifacts": ["dist/*"]},
        {"name": "staging", "environment": "staging"},
        {"name": "e2e", "run": tests, "tests": "staging"},
        {"name": "production", "environment": "production", "approval": {"count": 1}},
    ]
    whole = json.loads((it.directory / "pilotage.yaml").read_text())
    for section in whole["environments"].values():
        python, *_, port, named, version = section["fleet"]["command"][:7]
        section["fleet"]["command"][:7] = [python, "{artifact}", "--port", port, named, version]
    it.configure_whole(way={"stages": stages}, environments=whole["environments"])
    git(it, "init", "-q")
    git(it, "add", "pilotage.yaml")
    git(it, "commit", "-qm", "first")
    return staging


def git(it: Shop, *arguments: str) -> None:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(it.directory), *who, *arguments], check=True, capture_output=True)


def way(it: Shop, *arguments: str, expect: int = 0, actor: str = "ada") -> str:
    done = typed("way", *arguments, cwd=it.directory, actor=actor)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}\n{it.told()}\n{it.log()}"
    return done.stdout + done.stderr


def waits_for(it: Shop, what: str) -> None:
    """Until the way waits for something, as its events say."""
    from pilotage.app.project import Project
    from pilotage.app.way.viewing import follow_way
    from pilotage.engine.records import ways

    project = Project(it.directory / "pilotage.yaml")
    newest = ways.newest(project.store.engine, "shop")
    assert newest is not None
    for look in follow_way(project, newest.way.id, every=0.1, timeout=120.0):
        assert look.ended is None, f"{look.stored.state}\n{it.told()}"
        if any(event.data.get("wait") == what for event in look.events):
            project.store.close()
            return
    pytest.fail(f"it never waited for {what}: {newest.state}\n{it.log()}")


def test_a_version_travels_to_production_and_a_bad_one_does_not(shop: Make) -> None:
    it = shop()
    staging = with_way(it)
    assert "git has no tag 1.0.0 or v1.0.0" in way(it, "start", "1.0.0", expect=2)
    git(it, "tag", it.release("1.0.0"))
    assert "no way yet" in way(it)

    way(it, "start", "1.0.0", "--detach")
    assert "1.0.0 is on its way" in way(it, "start", "1.1.0", "--commit", "HEAD", expect=7)
    waits_for(it, "approval")
    assert "next: pilotage way approve 1.0.0" in way(it, "1.0.0")
    assert "somebody else has to approve it" in way(it, "approve", expect=8)
    assert "approve 1.0.0: done" in way(it, "approve", actor="bob")
    [*_, last] = follow(it)
    assert last["type"] == "way-completed"
    shown = json.loads(way(it, "1.0.0", "--json"))
    assert [stage["status"] for stage in shown["stages"]] == ["passed"] * 4
    assert [one["name"] for one in shown["artifacts"]] == ["dist/shop.py"]
    store = it.store()
    for environment in ("staging", "production"):
        assert store.serving("shop", environment) == ("1.0.0",)
        [brought] = store.history("shop", environment)
        [named] = [event for event in store.events(brought.id) if event.type == "artifacts-named"]
        assert named.data["digests"] == {"dist/shop.py": shown["artifacts"][0]["digest"]}
        assert started_in(it, environment) == {shown["artifacts"][0]["digest"]}

    # The next one is good in staging, until its tests fail.
    (it.directory / "broken").touch()
    git(it, "commit", "-qm", "second", "--allow-empty")
    git(it, "tag", it.release("1.1.0"))
    with Traffic(staging, 100.0, users=200, seed=1, threads=4):
        way(it, "start", "1.1.0", expect=4)
    events = [json.loads(line) for line in way(it, "events", "1.1.0", "--json").splitlines()]
    [failed] = [one for one in events if one["type"] == "stage-failed"]
    assert failed["data"]["stage"] == "e2e"
    assert failed["data"]["undone"] == ["staging"]
    assert store.serving("shop", "staging")[0] == "1.0.0"
    assert len(store.history("shop", "production")) == 1
    store.close()
    assert "1.1.0    failed" in way(it)

    # What serves stays, however old it is; the build that went back goes.
    it.configure_whole(retention={"artifacts": "0s"})
    assert "1 artifacts and 0 logs" in it.run("prune", "--yes")
    assert len(started_in(it, "production")) == 1
    assert "nothing is old enough to delete" in it.run("prune", "--yes")


def started_in(it: Shop, environment: str) -> set[str]:
    """SHA-256 of the files that its instances were started from."""
    fleet = it.directory / ".pilotage" / "run" / f"shop-{environment}" / "fleet"
    records = [json.loads(path.read_text()) for path in fleet.glob("*.json") if path.name != "images.json"]
    started = [psutil.Process(one["pid"]).cmdline() for one in records if one.get("pid")]
    return {hashlib.sha256(Path(command[1]).read_bytes()).hexdigest() for command in started}


def follow(it: Shop) -> list[dict[str, str]]:
    """The events of the newest way, once it has ended."""
    from pilotage.app.project import Project
    from pilotage.app.way.viewing import follow_way
    from pilotage.engine.records import ways

    project = Project(it.directory / "pilotage.yaml")
    newest = ways.newest(project.store.engine, "shop")
    assert newest is not None
    found = [event for look in follow_way(project, newest.way.id, every=0.1, timeout=120.0) for event in look.events]
    project.store.close()
    return [{"type": event.type, "sentence": event.sentence} for event in found]
