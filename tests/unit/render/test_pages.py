"""What pages say first, and with which classes: R3's page of a plan, pills, key figures, the gallery."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from docs.gallery import gallery, parts

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.model.document import Bar, Document, Figure, KeyFigure, Section, Side
from pilotage.model.observation import VerdictKind
from pilotage.model.status import Status
from pilotage.render.charts import HALF, NARROW, WIDE, gantt, picture, staircase
from pilotage.render.document import to_html
from pilotage.render.pills import STATUS, state_pill, verdict_pill
from pilotage.render.plan_page import first_screen, spaced

ROOT = Path(__file__).parents[3]
STYLE = ROOT / "src/pilotage/render/style"


def plan(day: date | None = date(2027, 6, 18), stakeholders: str = "enterprise", **changes: str) -> Plan:
    usual = {"release_type": "major", "deployment_strategy": "canary", "team_size": "small",
             "release_frequency": "monthly", "risk_tolerance": "low"}  # fmt: skip
    answers = Answers(**{**usual, **changes}, stakeholder_complexity=stakeholders.split())
    zones = Calendar("Europe/Berlin", ("Europe/Berlin",))
    return make_plan(answers, version="2.4.0", release_date=day, calendar=zones, service=Service("shop", instances=4))


def test_r3_the_first_screen_says_whether_when_how_and_who() -> None:
    found = first_screen(plan())
    assert (found.state, found.decision) == ("good", "Can be executed")
    assert [one.title for one in found.figures] == ["Everyone has it", "Rollout takes", "Rollback takes", "Readiness"]
    assert [name for name, _ in found.course] == ["Prepare", "5%", "25%", "50%", "100%"]
    assert dict(found.dates)["Everyone has it"] == "Fri 2027-06-18"
    assert found.needed[0][0] == "DevOps engineer"
    assert all(words for _, words, _ in found.needed)


def test_r3_a_plan_that_is_stopped_says_so_first_and_one_without_a_date_names_none() -> None:
    stopped = first_screen(plan(stakeholders="internal-only enterprise"))
    assert (stopped.state, stopped.decision) == ("bad", "Blocked by 1 conflict")
    undated = first_screen(plan(None))
    assert undated.figures[0].value == "none"
    assert undated.dates == ()
    assert spaced("4d10s") == "4 d 10 s"
    assert spaced("1h30m5ms") == "1 h 30 min 5 ms"


def test_every_state_has_a_pill() -> None:
    assert set(STATUS) == set(Status)
    assert all(verdict_pill(kind).words != kind for kind in VerdictKind)
    assert verdict_pill("of a later version") == ("none", "of a later version")
    assert state_pill("unheard-of") is None


@pytest.mark.parametrize("width", [WIDE, HALF, NARROW])
def test_r3_no_chart_draws_outside_its_frame(width: int) -> None:
    for chart in (gantt(plan(), width), gantt(plan(None), width), staircase(plan(), width)):
        for part in ET.fromstring(chart).iter():
            assert float(part.get("x", 0)) + float(part.get("width", 0)) <= width + 0.1
            assert max(float(part.get(name, 0)) for name in ("x1", "x2", "cx")) <= width
    assert "<style>" not in gantt(plan()), "a page has the style, and its policy may allow no other"
    assert "--new-fill:" in picture(gantt(plan()))


def test_a_document_shows_its_figures_states_and_what_is_missing() -> None:
    bars = (Bar("2.4.0", 0.2, "1 of 5", side=Side.NEW), Bar("2.3.1", 0.1, "1 of 10", side=Side.STABLE))
    page = to_html(
        Document(
            "Report", ("Lead.",),
            (Section("a", "A", headers=("version", "status"), rows=(("2.4.0", "rolled-back"),)), Section("b", "B"),
             Section("c", "C", figure=Figure("Errors", bars))),
            (KeyFigure("Failed", "20 %", "1 of 5"),),
        )
    )  # fmt: skip
    assert '<dl class="figures">' in page
    assert '<span class="pill bad">Rolled back</span>' in page
    assert "Nothing is recorded." in page
    assert 'class="new"' in page
    assert "style=" not in page


def test_every_class_of_a_template_and_of_the_gallery_has_a_rule() -> None:
    server = ROOT / "src/pilotage/web/static/server.css"
    rules = "".join(path.read_text(encoding="utf-8") for path in (STYLE / "base.css", server))
    templates = list((ROOT / "src/pilotage/render").glob("*.j2"))
    rules += (ROOT / "src/pilotage/render/intake.html.j2").read_text(encoding="utf-8")
    known = set(re.findall(r"\.([a-z][\w-]*)", rules))
    used = set[str]()
    for path in (*templates, ROOT / "docs/gallery.html"):
        for found in re.findall(r'class="([^"{}]*)', path.read_text(encoding="utf-8")):
            used |= set(found.split())
    assert used <= known


def test_the_gallery_shows_every_component_with_its_markup() -> None:
    assert len(parts()) > 20
    assert gallery().count("<summary>Markup</summary>") == len(parts())
