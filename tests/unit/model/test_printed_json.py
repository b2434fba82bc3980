"""C6: foreign text in JSON is the same text for a program, and obeyed by no terminal."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pilotage.model.printed_json import encoded

_OBEYED = [*range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x2070)]


def test_what_a_terminal_would_obey_is_escaped() -> None:
    name = "src/a\u009b31m\u202etxt.exe"
    assert encoded({"path": name}) == b'{"path":"src/a\\u009b31m\\u202etxt.exe"}'
    for number in _OBEYED:
        assert encoded(chr(number)) == b'"\\u%04x"' % number


@given(st.text() | st.text(st.sampled_from([*map(chr, _OBEYED), "a", "é", "\\", "木", "\U0001f600"])))
def test_a_program_reads_the_same_value(text: str) -> None:
    said = encoded([text, {text: text}]).decode()
    assert json.loads(said) == [text, {text: text}]
    assert not {ord(one) for one in said} & set(_OBEYED)
