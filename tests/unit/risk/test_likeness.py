"""R17: where a function came from is found without parsing every file that a range changes."""

from __future__ import annotations

import random
from collections import Counter

from pilotage.risk.likeness import ALIKE, Text, likeness, words_of


def test_what_is_ruled_out_holds_no_run_of_lines_that_is_alike() -> None:
    chance = random.Random(17)
    held = 0
    for _ in range(150):
        lines = [" ".join(chance.choices("abcdef(){}=+", k=chance.randint(0, 6))) for _ in range(chance.randint(1, 25))]
        first = chance.randrange(len(lines))
        body = lines[first : first + chance.randint(1, 8)]
        edited = [line if chance.random() < 0.8 else chance.choice("abcdef") for line in body]
        one = Counter(words_of("\n".join(edited)))
        runs = ("\n".join(lines[i:j]) for i in range(len(lines)) for j in range(i + 1, len(lines) + 1))
        is_alike = one.total() > 0 and any(likeness(one, Counter(words_of(run))) >= ALIKE for run in runs)
        held += is_alike
        assert not is_alike or Text("\n".join(lines)).may_hold(one)
    assert held > 50


def test_another_text_is_ruled_out() -> None:
    one = Counter(words_of("if a == 1: return b\n" * 20))
    assert not Text("for x in range(10): print(x)\n" * 500).may_hold(one)
    assert Text("x = y\n" * 500 + "if a == 1: return b\n" * 19 + "x = y\n" * 500).may_hold(one)
    scattered = ("if a == 1: return b\n" + "x = y\n" * 40) * 20
    assert not Text(scattered).may_hold(one)
