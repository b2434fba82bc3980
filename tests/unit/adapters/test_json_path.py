"""Paths into JSON of others: what they find, and that nothing hostile takes long."""

from __future__ import annotations

import pytest

from pilotage.model.json import Json
from pilotage.model.json_path import BadPath, JsonPath

DOCUMENT: Json = {"a": {"b c": [1, {"d": 2}, {"d": 3}], "*": 4}, "list": [[1, 2], [3]], "n": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", (DOCUMENT,)), ('$.a["b c"][0]', (1,)), ("$.a['b c'][*].d", (2, 3)), ("$.a['b c'][-1].d", (3,)),
        ("$.list[*][*]", (1, 2, 3)), ("$.a.x.y", ()), ("$.list.0", None), ("$.list[9]", ()), ("$.n", (None,)),
        ('$.a["*"]', (4,)), ("$.list[*].x", ()),
    ],
)  # fmt: skip
def test_a_path_finds_what_is_in_its_places(path: str, found: tuple[Json, ...] | None) -> None:
    if found is None:
        with pytest.raises(BadPath):
            JsonPath(path)
    else:
        assert JsonPath(path).all_in(DOCUMENT) == found


@pytest.mark.parametrize("path", ["", "a.b", "$a", "$..a", "$.a[", "$[?(@.x)]", "$" + ".a" * 40, "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        JsonPath(path)


def test_what_is_found_is_bounded_however_wide_the_document_is() -> None:
    wide: Json = [[[1] * 50] * 50] * 50
    assert len(JsonPath("$[*][*][*]").all_in(wide, 100)) == 100
    assert JsonPath("$[*][*][*]").first_in(wide) == 1
