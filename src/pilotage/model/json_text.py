"""JSON as text: parsed strictly, and refused with line and column whatever is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pilotage.model.json import Json, JsonObject

DEEPEST = 200
"""Objects and lists within one another. Reports that people have go to about 20."""
_LONGEST_NUMBER = 1000
"""Digits of a whole number; Python reads no more than 4300."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]:,]|-?\d+', re.DOTALL)


class BadJson(ValueError):
    """Not JSON. line, column: where, both from 1."""

    def __init__(self, what: str, text: str, at: int) -> None:
        self.what = what
        self.line, self.column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        super().__init__(f"line {self.line}, column {self.column}: {what}")


def parse(text: str) -> Json:
    """Raises BadJson, also for a key that an object has twice: readers take either, so that such a document can say
    different things to different programs."""
    try:
        found: Json = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        several = ": several documents in one file, such as JSON Lines, are not read" * (error.msg == "Extra data")
        raise BadJson(f"{error.msg}{several}", text, error.pos) from None
    except (ValueError, RecursionError):
        raise next(_faults(text), BadJson("is not read", text, 0)) from None
    return found


def _once(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _faults(text: str) -> Iterator[BadJson]:
    """What JSON's grammar allows and is refused here, in a second pass: the parser does not say where it was."""
    keys: list[set[str]] = []
    word, at = "", 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                keys.append(set())
                if len(keys) > DEEPEST:
                    yield BadJson(f"nested deeper than {DEEPEST} levels", text, token.start())
            case "}" | "]":
                keys = keys[:-1]
            case ":" if keys:
                if word in keys[-1]:
                    yield BadJson(f"the key {word[:60]!r} appears twice in one object", text, at)
                keys[-1].add(word)
            case number if number.lstrip("-").isdigit() and len(number) > _LONGEST_NUMBER:
                yield BadJson(f"a number of {len(number)} digits", text, token.start())
            case string if string[0] == '"':
                word, at = _unquoted(string), token.start()


def _unquoted(string: str) -> str:
    try:
        return str(json.loads(string))
    except ValueError:
        return string
