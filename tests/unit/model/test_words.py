"""R34: a state has one word, on pages, in the shell and in the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pilotage.model.observation import VerdictKind
from pilotage.model.status import Status
from pilotage.render.pills import STATUS, verdict_pill
from pilotage.web.pages.rollout_view import pill_of

TEMPLATES = Path(__file__).parents[3] / "src/pilotage/web/templates"


@pytest.mark.parametrize("status", list(Status))
def test_r34_pages_and_the_command_line_call_a_status_the_same(status: Status) -> None:
    assert pill_of(status).word == STATUS[status].words == status.word
    assert status.word.lower().replace(" ", "-") == status.value


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_r34_so_are_verdicts(kind: VerdictKind) -> None:
    assert verdict_pill(kind.value).words.lower().replace(" ", "-") == kind.value


def test_r34_no_template_has_words_or_colours_of_its_own_for_a_status() -> None:
    for template in TEMPLATES.rglob("*.j2"):
        assert not re.search(r"\{\s*'(completed|rolled-back|holding)'", template.read_text()), template.name
