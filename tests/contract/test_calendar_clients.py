"""The plan's calendar before a client that is none of ours: calcurse reads it and lists what it shows (RFC 5545)."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pilotage import Answers, Calendar, Service, make_plan
from pilotage.render.ics import to_ics

from ..programs import needs

pytestmark = pytest.mark.real


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_calcurse_takes_every_event_and_shows_it_on_its_day(tmp_path: Path, zone: str) -> None:
    made = make_plan(
        Answers("major", "canary", "large", "monthly", "low", ["customer-facing", "enterprise"]),
        version="2.4.0", release_date=date(2027, 6, 18), calendar=Calendar("Europe/Berlin"),
        service=Service("shop", instances=4),
    )  # fmt: skip
    text = to_ics(made, datetime(2026, 11, 23, 12, tzinfo=UTC))
    (tmp_path / "plan.ics").write_bytes(text)
    (tmp_path / "data").mkdir()

    def calcurse(*arguments: str) -> str:
        command = [needs("calcurse"), "-D", str(tmp_path / "data"), *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True, env={"TZ": zone, "TERM": "xterm"})
        return said.stdout

    report = re.search(r"(\d+) apps / (\d+) events / 0 todos / 0 skipped", calcurse("-i", str(tmp_path / "plan.ics")))
    assert report is not None
    apps, events = map(int, report.groups())
    timed = [message for message in made.communication if message.due_at]
    assert apps == len(made.on_call) + len(timed)
    # calcurse makes one event of a whole day, and an appointment a day of several.
    assert apps + events >= text.count(b"BEGIN:VEVENT") - len(made.timeline.phases)
    shown = calcurse("-Q", "--from", "06/18/2027", "--days", "1")
    assert "shop 2.4.0: Release Notes Publication" in shown
    assert "shop 2.4.0: Production deployment complete" in shown
    assert "Release Announcement" not in shown
