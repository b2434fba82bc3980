"""The outcome of tests, for every report format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Results:
    """Counted from the cases, and held against what the report says of itself.

    failed: names · flaky: names of tests that failed and then passed · more: tests that the report counts as passed and
    does not list, such as subtests · doubts: what the report says against itself; with one it is no pass.
    """

    passed: int = 0
    failed: tuple[str, ...] = ()
    skipped: int = 0
    flaky: tuple[str, ...] = ()
    more: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not self.failed and not self.doubts
