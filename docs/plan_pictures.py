"""Makes the pictures of docs/guides/plans.md and docs/guides/analysis.md: `python docs/plan_pictures.py`.

From one plan, in a real browser and a real calendar: needs Chromium and calcurse on the PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console, RenderableType
from rich.text import Text

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.judge.counts import CountJudge
from pilotage.judge.replay import Look, Replay, replay
from pilotage.render.charts import gantt, picture, staircase
from pilotage.render.html import to_html
from pilotage.render.ics import to_ics
from pilotage.render.judge_chart import ratio_chart
from pilotage.render.markdown import to_markdown
from pilotage.render.plan_view import plan_view

PICTURES = Path(__file__).parent / "pictures"
_FORGE = (
    "<meta charset=utf-8><style>body{font:14px system-ui,sans-serif;max-width:60rem;margin:1rem auto}"
    "td,th{border:1px solid #ccc;padding:.2rem .5rem}table{border-collapse:collapse}</style>"
)


def main() -> None:
    plan = example()
    (PICTURES / "gantt.svg").write_text(picture(gantt(plan)), encoding="utf-8")
    (PICTURES / "staircase.svg").write_text(picture(staircase(plan)), encoding="utf-8")
    _terminal(PICTURES / "plan-terminal.svg", plan_view(plan), "pilotage plan 2.4.0 --date 2027-06-18", 150)
    _terminal(PICTURES / "plan-calendar.svg", Text(_agenda(plan)), "calcurse", 100)
    (PICTURES / "replay.svg").write_text(picture(ratio_chart(_replayed(), "canary against stable")), encoding="utf-8")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as directory:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page, forge = Path(directory) / "plan.html", Path(directory) / "forge.html"
        page.write_text(to_html(plan), encoding="utf-8")
        forge.write_text(_FORGE + MarkdownIt().enable("table").render(to_markdown(plan)), encoding="utf-8")
        _shoot(browser, page, "plan-wide.png", (1280, 1400), "light")
        _shoot(browser, page, "plan-dark.png", (1280, 900), "dark")
        _shoot(browser, page, "plan-phone.png", (390, 1100), "light")
        _shoot(browser, forge, "plan-markdown.png", (1000, 900), "light")
        browser.close()


def example() -> Plan:
    """A major release by canary, for enterprises and customers."""
    answers = Answers("major", "canary", "distributed", "quarterly", "low", ["enterprise", "customer-facing"])
    calendar = Calendar("Europe/Berlin", ("Europe/Berlin", "America/New_York"))
    measured = {"application_error_rate": "envoy", "response_time_p95": "envoy", "memory_utilization": "process"}
    service = Service("shop", instances=4, measured=measured)
    return make_plan(answers, version="2.4.0", release_date=date(2027, 6, 18), calendar=calendar, service=service)


def _replayed() -> Replay:
    """Ten minutes at 500 requests a second; after one the canary fails 2 % of them instead of 0.1 %."""
    chance, looks = np.random.default_rng(5), []
    for second in range(600):
        bad = int(chance.binomial(25, 0.02 if second > 60 else 0.001))
        looks.append(Look(second, bad, 25, int(chance.binomial(475, 0.001)), 475))
    return replay(looks, CountJudge())


def _terminal(path: Path, shown: RenderableType, title: str, width: int) -> None:
    console = Console(record=True, width=width, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115
    console.print(shown)
    svg = console.export_svg(title=title)
    # The picture must not fetch a font from somewhere.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


def _agenda(plan: Plan) -> str:
    """What a calendar shows of the rollout's week."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "plan.ics"
        file.write_bytes(to_ics(plan, datetime(2026, 11, 23, tzinfo=UTC)))
        command = ["calcurse", "-D", directory]
        subprocess.run([*command, "-i", str(file)], check=True, capture_output=True)
        listed = subprocess.run(
            [*command, "-Q", "--from", "06/14/2027", "--days", "6"], check=True, capture_output=True, text=True
        )
    return listed.stdout


def _shoot(browser: Browser, page: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.screenshot(path=str(PICTURES / name))
    context.close()


if __name__ == "__main__":
    main()
