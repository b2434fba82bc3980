"""R17: training keeps the level of the model up with a repository, and nothing else of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.app import risk_training
from pilotage.app.project import Project
from pilotage.app.risk import LEARNED
from pilotage.model.risk import Horizon
from pilotage.render.risk_training import trained_lines
from pilotage.risk.features import FEATURES
from pilotage.risk.labels import Labelled
from pilotage.risk.measured import Measured
from pilotage.risk.model import shipped
from pilotage.risk.recalibration import NEWEST, TooLittleHistory, checked, kept_up, level, ripe_source, shift_of

from .dated_changes import DAY, added, change

MODEL = shipped()


def history(count: int, rate: float, *, source: bool = True, first: int = 1) -> list[Labelled]:
    """Changes of equal measures; the harmful ones are repaired after ten days."""
    chance = random.Random(7)
    bad = set(chance.sample(range(count), round(rate * count)))
    usual = tuple(1.0 for _ in FEATURES)
    return [
        Labelled(
            measured=Measured(change=change(first + n, "Add", added("src/a.py", 3)), measures=usual, source=source),
            repaired=10 if n in bad else float("inf"),
        )
        for n in range(count)
    ]  # fmt: skip


def now(past: list[Labelled]) -> float:
    return past[-1].measured.change.at + 1000 * DAY


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_the_level_becomes_that_of_the_repository(rate: float) -> None:
    past = history(800, rate)
    own = kept_up(MODEL, past, now(past), "here")
    found = level(own, ripe_source(past, Horizon.DAYS_30, now(past))[-NEWEST:], Horizon.DAYS_30)
    assert found.error < 1.5, "the prior holds back what few repairs say"
    assert found.brier <= level(MODEL, past[-NEWEST:], Horizon.DAYS_30).brier
    assert replace(own, intercepts=MODEL.intercepts, origin=MODEL.origin) == MODEL, "only the intercepts move"
    assert list(own.intercepts) == sorted(own.intercepts), "a longer horizon foretells no less"


def test_only_ripe_changes_teach() -> None:
    past = history(700, 0.3)
    early = past[0].measured.change.at + 350 * DAY
    known = ripe_source(past, Horizon.DAYS_30, early)
    assert len(known) == 321
    own = kept_up(MODEL, past, early, "here")
    without = kept_up(MODEL, known, early, "here")
    assert own == without


def test_a_horizon_with_too_few_ripe_changes_moves_as_the_one_before_it() -> None:
    past = history(500, 0.4)
    own = kept_up(MODEL, past, past[-1].measured.change.at + 31 * DAY, "here")
    moved = [mine - usual for mine, usual in zip(own.intercepts, MODEL.intercepts, strict=True)]
    assert moved[2] == pytest.approx(moved[1])


@pytest.mark.parametrize(
    "past", [history(200, 0.5), history(600, 0.005), history(600, 0.4, source=False)],
    ids=["few changes", "few repairs", "no source"],
)  # fmt: skip
def test_too_little_is_said(past: list[Labelled]) -> None:
    with pytest.raises(TooLittleHistory, match=r"30 days old or older.*at least 300 and 5"):
        kept_up(MODEL, past, now(past), "here")


def test_a_check_looks_at_changes_that_taught_nothing() -> None:
    past = history(1200, 0.3)
    found = checked(MODEL, past, Horizon.DAYS_30, now(past))
    assert found is not None
    assert (found.own.changes, found.better) == (NEWEST, True)
    assert found.own.error < found.shipped.error
    assert found.better
    assert not found.worse
    assert checked(MODEL, past[:400], Horizon.DAYS_30, now(past)) is None, "half of them are too few to learn from"


def _unlike_its_past() -> list[Labelled]:
    """A repository that repaired most of its changes once, and now as many as the model as shipped foretells."""
    calm = MODEL.probability(history(1, 0)[0].measured)
    return [*history(600, 0.6), *history(600, calm, first=601)]


def test_a_level_of_the_past_that_is_further_off_is_worse() -> None:
    past = _unlike_its_past()
    found = checked(MODEL, past, Horizon.DAYS_30, now(past))
    assert found is not None
    assert (found.worse, found.better) == (True, False)


@pytest.mark.parametrize(("anyway", "taken"), [(False, False), (True, True)])
def test_r17_what_was_shown_to_do_harm_is_taken_over_only_on_demand(
    anyway: bool, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = _unlike_its_past()
    check = checked(MODEL, past, Horizon.DAYS_30, now(past))
    assert check is not None
    found = risk_training.Learned(model=MODEL, changes=600, harmful=9, checks=(check,))
    monkeypatch.setattr(risk_training, "learn", lambda *_: found)
    project = Project(config=tmp_path / "pilotage.yaml")
    learned = risk_training.train(project, "HEAD", anyway=anyway)
    assert (learned.taken, (project.directory / LEARNED).exists()) == (taken, taken)
    said = list(trained_lines(learned.model, learned.checks, taken=learned.taken))
    assert ("--anyway" in said[-1]) is not taken


@pytest.mark.parametrize("scores", [[], [-700.0] * 9, [700.0] * 9, [0.0] * 400])
def test_a_shift_is_finite_whatever_the_scores(scores: list[float]) -> None:
    assert abs(shift_of(scores, len(scores) // 3)) < 700
