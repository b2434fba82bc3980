"""`pilotage logs`: the last lines of instances, and what comes after, without secrets and escape sequences (R27)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.process import ProcessFleet
from pilotage.adapters.fleets.process_adapter import ADAPTER, ProcessFleetSection
from pilotage.adapters.logs import end_of, new_lines
from pilotage.adapters.ports import Fleet
from pilotage.app.logs import Logs
from pilotage.model.observation import Health, Instance
from tests.typed import typed
from tests.unit.config.test_config import GOOD

pytestmark = pytest.mark.real

SPEAKS = """
import os, pathlib, sys, time
version, folder = sys.argv[2], pathlib.Path(sys.argv[3])
print("begins", version, os.environ["TOKEN"], chr(27) + "[31mred" + chr(27) + "[0m")
print("  again")
print("  again", flush=True)
while True:
    if (more := folder / "more").exists():
        print(more.read_text(), flush=True)
        break
    time.sleep(0.02)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With an environment of which an instance of 1.0 and of 2.0 run."""
    whole = yaml.safe_load(GOOD)
    (tmp_path / "prod.env").write_text("TOKEN=hunter22hunter\n")
    fleet = {
        "kind": "process", "command": [sys.executable, "-c", SPEAKS, "{port}", "{version}", str(tmp_path)],
        "stop_timeout": 1, "env_file": "prod.env",
    }  # fmt: skip
    whole["environments"] = {"production": {**whole["environments"]["production"], "fleet": fleet}}
    (tmp_path / "pilotage.yaml").write_text(yaml.safe_dump(whole))
    opened = _fleet(tmp_path, ProcessFleetSection.model_validate(fleet), whole["service"])
    for version in ("1.0", "2.0"):
        opened.ensure(version, 1)
        until = time.monotonic() + 20
        while len(opened.log(f"{version}-{1 if version == '1.0' else 2}", 9)) < 3:
            assert time.monotonic() < until
            time.sleep(0.05)
    yield tmp_path
    opened.stop()


def _fleet(folder: Path, section: ProcessFleetSection, service: str) -> ProcessFleet:
    place = folder / ".pilotage" / "run" / f"{service}-production"
    context = Context(
        directory=place / "fleet", fence=Fence(place / "fence.json", 1), service=service, environment="production",
        folder=folder,
    )  # fmt: skip
    return cast(ProcessFleet, ADAPTER.open(section, context))


def test_the_last_lines_are_shown_as_they_were_written_and_no_secret(folder: Path) -> None:
    said = typed("logs", cwd=folder).stdout.splitlines()
    assert said == [f"{one} | {line}" for one, version in (("1.0-1", "1.0"), ("2.0-2", "2.0")) for line in (
        f"begins {version} (secret) red", "  again", "  again",
    )]  # fmt: skip
    one = typed("logs", "2.0", "-n", "1", "--json", cwd=folder).stdout
    assert json.loads(one) == {"instance": "2.0-2", "version": "2.0", "text": "  again"}
    assert typed("logs", "--instance", "1.0-1", "--lines", "1", cwd=folder).stdout == "1.0-1 |   again\n"
    unknown = typed("logs", "9.9", cwd=folder)
    assert (unknown.returncode, "no instance of 9.9 is known here" in unknown.stderr) == (2, True)


class _Elsewhere:
    """A fleet with one instance on another host, as far as `logs` asks it."""

    def instances(self) -> tuple[Instance, ...]:
        return (Instance("2.0-2@web1", "2.0", "10.0.0.11", 8000, Health.HEALTHY),)

    def log_tail(self, instance: str, lines: int) -> tuple[str, ...]:
        return (f"{instance} began",)[-lines:]


@pytest.mark.parametrize("named", ["2.0-2@web1", "web1/2.0-2", "2.0-2", "10.0.0.11:8000"])
def test_r27_an_instance_of_a_host_is_named_as_exec_names_it(named: str) -> None:
    (line,) = Logs(cast(Fleet, _Elsewhere()), instance=named).last(1)
    assert line.instance == "2.0-2@web1"


def test_what_comes_later_is_followed_and_nothing_is_shown_twice(folder: Path) -> None:
    section = ProcessFleetSection.model_validate(
        yaml.safe_load((folder / "pilotage.yaml").read_text())["environments"]["production"]["fleet"]
    )
    followed = Logs(_fleet(folder, section, yaml.safe_load(GOOD)["service"]), "1.0")
    assert len(followed.last(1)) == 1
    assert followed.more() == []
    (folder / "more").write_text("one\ntwo")
    seen: list[str] = []
    until = time.monotonic() + 20
    while len(seen) < 2:
        seen += [line.text for line in followed.more()]
        assert time.monotonic() < until
        time.sleep(0.05)
    assert seen == ["one", "two"]
    assert followed.more() == []


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ("", "a b", ("a b", False)),
        ("a b", "a b", ("", False)),
        ("a b", "a b c", ("c", False)),
        ("a b c", "b c d", ("d", False)),
        ("a a", "a a a", ("a", False)),
        ("a b", "x y", ("x y", True)),
        ("a b", "", ("", False)),
    ],
)
def test_new_lines_begin_where_the_old_ones_end(before: str, now: str, found: tuple[str, bool]) -> None:
    new, cut = new_lines(before.split(), now.split())
    assert (" ".join(new), cut) == found


def test_the_end_of_a_huge_log_is_read_in_bounds_and_begins_with_a_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 40 + b"\n" + b"line of twenty chars\n" * 400_000)
    text = end_of(log, 3)
    assert len(text) <= 64 << 10
    assert set(text.splitlines()) == {"line of twenty chars"}
