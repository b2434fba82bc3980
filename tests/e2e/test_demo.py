"""The demo of each bad release: figures measured by its users, and nothing left running. `test_installed.py` runs it
as a new user does."""

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


@pytest.mark.parametrize(
    ("fault", "router"),
    [
        ("crash", "Traefik"),
        # `test_installed.py` runs the demo behind Envoy; what else a release does wrong is the judge's to find.
        *(pytest.param(fault, "Envoy", marks=pytest.mark.long) for fault in ("slow", "memory")),
    ],
)
def test_a_bad_release_is_caught_at_five_percent_and_undone_without_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, router: str
) -> None:
    """R28: behind Traefik, as on a machine for which there is no Envoy, just as behind Envoy."""
    monkeypatch.setenv("PILOTAGE_EMBEDDED_ROUTER", router.lower())
    said = demo(tmp_path / "d", "--bad", fault)
    assert f"two instances behind {router}, " in said
    assert f"1.1.0 (bad: {fault}): rolled-back" in said
    undone(tmp_path / "d", "1.1.0", said)


def undone(place: Path, version: str, said: str) -> None:
    """Few users met the bad release, and the record of it is whole."""
    assert figure(said, "requests lost while switching") == 0
    assert f"why: {version} was rolled back: " in said
    assert figure(said, "affected users [^:]*:") <= 200
    report = (place / "report.md").read_text()
    assert f"from the first to the last response of {version}" in report
    types = [json.loads(line)["type"] for line in (place / "events.jsonl").read_text().splitlines()]
    assert types[-1] == "rolled-back"
    # On a busy machine one instance may look bad alone, and the release gets its second chance.
    assert types.count("traffic-restored") == 1 + types.count("retry-started")
