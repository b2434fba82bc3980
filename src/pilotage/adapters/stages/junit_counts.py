"""Counts the tests of JUnit XML, whatever its size: a failure that a case shows or a suite counts is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from pilotage.adapters.ports import AdapterError

_MOST = 256 << 20
_DEEPEST = 100
_CHUNK = 1 << 16
_BAD = ("failure", "error")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of one or several reports."""

    tests: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            tests=self.tests + other.tests, failed=self.failed + other.failed, skipped=self.skipped + other.skipped
        )

    @property
    def words(self) -> str:
        tests = "1 test" if self.tests == 1 else f"{self.tests} tests"
        return f"{tests}, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def counts_of(path: Path, name: str) -> Counts:
    """Raises AdapterError for what is no whole report. Nothing of it is kept in memory."""
    counting = _Counting(name)
    try:
        if path.stat().st_size > _MOST:
            raise AdapterError(f"the report {name} has more than {_MOST >> 20} MB")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                counting.parser.Parse(chunk, False)
            counting.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise AdapterError(
            f"the report {name} is not XML: line {error.lineno}, {expat.ErrorString(error.code)}"
        ) from None
    except OSError as error:
        raise AdapterError(f"the report {name} cannot be read: {error.strerror}") from None
    if not counting.is_junit:
        raise AdapterError(f"the report {name} is not JUnit XML: it has no <testsuite>")
    return Counts(tests=counting.tests, failed=max(counting.failed, counting.said_failed), skipped=counting.skipped)


class _Counting:
    """said_failed: what the outermost suites with counts say."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._began
        self.parser.EndElementHandler = self._ended
        self.parser.EntityDeclHandler = self._entity
        self._depth, self._counted_at, self._case = 0, 0, 0
        self._failed_case = self._skipped_case = False
        self.is_junit = False
        self.tests = self.failed = self.skipped = self.said_failed = 0

    def _entity(self, *_: object) -> None:
        raise AdapterError(f"the report {self._name} declares an entity, which no report does")

    def _began(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise AdapterError(f"the report {self._name} is nested too deeply")
        tag = tag.rpartition(":")[2]
        if tag in ("testsuite", "testsuites"):
            self.is_junit = True
            if not self._counted_at and ("failures" in attributes or "errors" in attributes):
                self._counted_at = self._depth
                self.said_failed += _whole(attributes.get("failures")) + _whole(attributes.get("errors"))
        elif tag == "testcase":
            self._case = self._case or self._depth
            self.tests += 1
            self._failed_case = self._skipped_case = False
        elif tag in _BAD and not self._case:
            self.failed += 1
        elif tag in _BAD and not self._failed_case:
            self._failed_case = True
            self.failed += 1
        elif tag == "skipped" and self._case and not self._skipped_case:
            self._skipped_case = True
            self.skipped += 1

    def _ended(self, _: str) -> None:
        if self._depth == self._case:
            self._case = 0
        if self._depth == self._counted_at:
            self._counted_at = 0
        self._depth -= 1


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
