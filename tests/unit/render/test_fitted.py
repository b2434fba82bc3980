"""Tables fit the width there is, and what people copy from them is never broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.render.fitted import columns_of, fitted, wrapped
from pilotage.render.plain_table import width_of
from tests.typed import typed

ID = "datasette-production-48d1cd90"
COMMAND = 'pilotage waive rollback_mechanism 0.65.1 -e production --role release-manager --reason "…" --until 1d'


def test_a_table_that_has_room_has_columns() -> None:
    assert [line.text for line in fitted(["id", "took"], [[ID, "3 s"]], 80, ["took"])] == [
        "id                             took",
        f"{ID}   3 s",
    ]


def test_only_prose_is_folded_and_only_at_spaces() -> None:
    prose = "a sentence of some length that can be read in a narrower column as well, word by word"
    found = [line.text for line in fitted(["id", "why"], [[ID, prose]], 80)]
    assert max(map(len, found)) <= 80
    assert found[1].startswith(f"{ID}  a sentence")
    assert " ".join(" ".join(found[1:]).removeprefix(ID).split()) == prose


def test_a_row_without_room_is_a_block_whose_facts_are_whole() -> None:
    titles = ["rollout", "started", "environment", "version", "status", "by", "reason"]
    row = [ID, "2026-11-26 09:17", "production", "0.65.1", "rolled-back", "–", "error rate: canary 18.9 % of 127"]
    assert [line.text for line in fitted(titles, [row], 80)] == [
        ID,
        "    started: 2026-11-26 09:17 · environment: production · version: 0.65.1",
        "    status: rolled-back · reason: error rate: canary 18.9 % of 127",
    ]


def test_a_command_is_one_line_however_long() -> None:
    for width in (40, 80, 100):
        found = [line.text for line in fitted(["item", "next"], [["rollback_mechanism", COMMAND]], width)]
        assert sum(COMMAND in line for line in found) == 1


@given(
    st.lists(st.lists(st.text("ab -é原", max_size=60), min_size=3, max_size=3), max_size=4), st.integers(40, 120)
)  # fmt: skip
def test_no_word_is_broken_and_no_line_is_wider_than_it_must_be(rows: list[list[str]], width: int) -> None:
    titles = ["first", "second", "third"]
    found = [line.text for line in fitted(titles, rows, width)]
    words = [word for row in rows for cell in row for word in cell.split()]
    longest = max(map(width_of, words), default=0)
    assert all(width_of(line) <= max(width, longest + len("second: ") + 6) for line in found)
    columns = columns_of(titles, rows, width)
    assert columns is None or sum(columns) + 4 <= width


def test_what_is_folded_hangs_below_its_first_word() -> None:
    assert wrapped("• one two three", 9, "", "  ") == ["• one two", "  three"]


def test_r28_lines_for_a_configuration_file_can_be_copied_as_they_are() -> None:
    row = "    http-request set-var(txn.user) uuid() if !{ var(txn.user) -m len gt 0 }"
    assert wrapped(f"Put this there:\n{row}\nand restart it", 20, "FAIL  ", " " * 6) == [
        "FAIL  Put this", "      there:", row, "      and restart it",
    ]  # fmt: skip


WHOLE = ["plan", "1.0", "--section", "all", "--date", "2027-06-16"]


@pytest.mark.parametrize("command", [["plan", "1.0"], WHOLE, ["adapters"]])
def test_a_pipe_has_the_width_that_columns_names(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed("init", "--service", "shop", cwd=tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    wide = [line for line in typed(*command, cwd=tmp_path).stdout.splitlines() if width_of(line) > 80]
    assert wide == []
    monkeypatch.delenv("COLUMNS")
    assert max(map(width_of, typed(*command, cwd=tmp_path).stdout.splitlines())) > 80
