"""R17: who is called what, and who is the same person."""

from __future__ import annotations

import pytest

from pilotage.adapters.git_people import person
from pilotage.model.change import Change
from pilotage.risk.persons import named_alike


def by(who: str) -> Change:
    """`Ada Lovelace <ada@example.org>`."""
    name, _, address = who.removesuffix(">").partition(" <")
    return Change("1" * 40, (), person(name, address), 0, 0, "Add it", (), 0.0, name, address)


ADA = "Ada Lovelace <ada@example.org>"


@pytest.mark.parametrize(
    ("signed", "called"),
    [
        ((ADA, "ada <ada@example.org>"), {"Ada Lovelace"}),
        ((ADA, "adalovelace <7+adalovelace@users.noreply.github.com>"), {"Ada Lovelace"}),
        (("José Łuk <a@b.example>", "joseluk <c@d.example>"), {"José Łuk"}),
        (("Fred <3+f@users.noreply.github.com>", "Frédéric G <3+f@users.noreply.github.com>"), {"Frédéric G"}),
        (("Timshel <github@mailtm.example>",), {"Timshel"}),
        (("root <root@host.example>",), {"root@host.example"}),
        (("alex <alex@one.example>", "alex <alex@two.example>"), {"alex"}),
        ((ADA, "Bob Kahn <bob@example.org>"), {"Ada Lovelace", "Bob Kahn"}),
        (tuple(f"Person {n}x <ci@example.org>" for n in "abcde"), {f"Person {n}x" for n in "abcde"}),
        (("renovate[bot] <2+renovate[bot]@users.noreply.github.com>",), {"2+renovate[bot]@users.noreply.github.com"}),
        (("a@b.example <a@b.example>",), {"a@b.example"}),
    ],
)
def test_a_person_has_one_name(signed: tuple[str, ...], called: set[str]) -> None:
    assert {one.author for one in named_alike([by(who) for who in signed])} == called
    assert {one.author for one in named_alike([by(who) for who in reversed(signed)])} == called
