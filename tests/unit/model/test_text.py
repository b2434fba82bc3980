"""Texts from outside hold nothing that a terminal or a reader would obey (R23's and R20's hostile content)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.model.text import clean, line, plain


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain, Grüße, 你好, 🚀", "plain, Grüße, 你好, 🚀"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("\x1b[1;31mred\x1b[0m \x1b[2Kgone", "red gone"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ended", ""),
        ("a\x00b\x08c\x7fd\x9be\x1b", "abcde"),
        ("\u202ereversed\u202c", "reversed"),
    ],
)
def test_what_would_be_obeyed_is_gone_and_words_stay(text: str, kept: str) -> None:
    assert clean(text) == kept


@given(st.text(st.characters(max_codepoint=0x2070), max_size=60))
def test_nothing_that_is_obeyed_is_ever_left_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") for c in cleaned)
    assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI") for c in cleaned)
    assert clean(cleaned) == cleaned


def test_what_is_too_long_ends_in_an_ellipsis_and_a_line_is_one() -> None:
    assert plain("abcdef", 4) == "abc…"
    assert plain("abcd", 4) == "abcd"
    assert line("a\n b\r\n\tc", 10) == "a b c"
