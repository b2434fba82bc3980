"""R12, R31: which migrations count as applied, and which version a contraction waits for."""

from __future__ import annotations

import pytest

from pilotage.model.migration import Applied, Brought, Moment, Script, Tool, fit, known_by, number_of, reached


def brought(tool: Tool, *scripts: Script) -> Brought:
    return Brought(tool=tool, table="t", scripts=scripts)


def applied(*ids: str, **more: object) -> Applied:
    return Applied(database="db/shop", ids=ids, **more)  # type: ignore[arg-type]  # as a test names them


def script(identity: str, *after: str, **more: object) -> Script:
    return Script(id=identity, name=f"{identity}.py", after=after, **more)  # type: ignore[arg-type]  # likewise


def problem(found: Brought, there: Applied, moment: Moment = Moment.BEFORE) -> str:
    return fit(found, there, moment, version="2.0.0", stable="1.0.0", together=True).problem


def test_alembic_lists_the_last_of_each_branch_and_what_it_follows_is_applied() -> None:
    found = brought(Tool.ALEMBIC, script("a"), script("b", "a"), script("c", "a"), script("d", "b", "c"))
    assert known_by(found, applied("d")) == {"a", "b", "c", "d"}
    assert known_by(found, applied("b")) == {"a", "b"}
    assert known_by(found, applied()) == frozenset()


def test_a_squashed_migration_of_django_is_applied_with_those_that_it_replaces_and_they_with_it() -> None:
    old = (script("shop.0001", line="shop"), script("shop.0002", "shop.0001", line="shop"))
    squashed = script("shop.0001_squashed", replaces=("shop.0001", "shop.0002"), line="shop")
    both = brought(Tool.DJANGO, *old, squashed)
    assert "shop.0001_squashed" in known_by(both, applied("shop.0001", "shop.0002"))
    assert "shop.0001_squashed" not in known_by(both, applied("shop.0001"))
    assert problem(both, applied("shop.0001", "shop.0002"), Moment.RUNNING) == ""
    alone = brought(Tool.DJANGO, squashed)
    assert problem(alone, applied("shop.0001", "shop.0002"), Moment.RUNNING) == "", "the replaced files may be gone"


def test_libraries_of_a_django_project_have_migrations_that_are_not_its_own() -> None:
    found = brought(Tool.DJANGO, script("shop.0001", line="shop"))
    assert problem(found, applied("shop.0001", "auth.0012")) == ""
    assert "has shop.0002 applied, which 2.0.0 does not bring" in problem(found, applied("shop.0001", "shop.0002"))


@pytest.mark.parametrize(
    ("serving", "since", "passes"),
    [
        ("1.4.0", "1.4.0", True), ("1.10.0", "1.4.0", True), ("1.3.9", "1.4.0", False), ("v1.4.0", "1.4", True),
        ("blue", "1.4.0", False), ("blue", "blue", True), ("1.4.0rc1", "1.4.0", False),
    ],
)  # fmt: skip
def test_a_contraction_waits_for_its_version_and_what_cannot_be_compared_does_not_pass(
    serving: str, since: str, passes: bool
) -> None:
    assert reached(serving, since) is passes


def test_numbers_of_flyway_are_compared_by_size() -> None:
    assert number_of("1.10") > number_of("1.9")
    assert number_of("1") == number_of("1.0.0")


def test_what_could_not_be_read_is_a_problem_and_never_passes() -> None:
    assert problem(Brought(tool=Tool.ALEMBIC, table="t", trouble="no such folder"), applied()) == "no such folder"
