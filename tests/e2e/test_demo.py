"""The demo as a new user runs it: figures measured by its users, and nothing left running."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.real


def demo(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pilotage.cli.main", "demo", "--dir", str(directory), *arguments],
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    left = [p.cmdline() for p in psutil.process_iter() if str(directory) in " ".join(_cmdline(p))]
    assert left == []
    return done.stdout


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.status() != psutil.STATUS_ZOMBIE else []
    except psutil.Error:
        return []


def figure(text: str, words: str) -> float:
    found = re.search(rf"{words}\D*([\d.,]+)", text)
    assert found, text
    return float(found[1].rstrip(".,").replace(",", ""))


def test_a_good_release_is_promoted_without_a_failed_request(tmp_path: Path) -> None:
    said = demo(tmp_path / "d", "--good")
    assert "1.1.0 (good): completed" in said
    assert figure(said, "requests lost in switching") == 0
    assert "; 0 failed" in said
    assert "the old version stops" in said


@pytest.mark.parametrize("fault", ["errors", "slow", "crash", "memory"])
def test_a_bad_release_is_caught_at_five_percent_and_undone_without_help(tmp_path: Path, fault: str) -> None:
    said = demo(tmp_path / "d", "--bad", fault)
    assert f"1.1.0 (bad: {fault}): rolled-back" in said
    assert figure(said, "requests lost in switching") == 0
    assert "why: 1.1.0 was undone because" in said
    assert figure(said, "users hurt [^:]*:") <= 200
    report = (tmp_path / "d" / "report.md").read_text()
    assert "from the first to the last answer of 1.1.0" in report
    types = [json.loads(line)["type"] for line in (tmp_path / "d" / "events.jsonl").read_text().splitlines()]
    assert types[-1] == "rolled-back"
    assert types.count("traffic-returned") == 1
