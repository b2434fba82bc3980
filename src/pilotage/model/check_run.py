"""A check of a commit as a code host shows it: its conclusion, its text, and remarks at lines of files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """As GitHub names them."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTICE = "notice"


class Conclusion(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    """It is shown, and blocks nothing."""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """path: from the root of the repository · line: counted from 1."""

    path: str
    line: int
    level: Level
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """name: the same for every run · about: what tells this check from others of the same commit · title: one line ·
    summary: Markdown."""

    name: str
    about: str
    conclusion: Conclusion
    title: str
    summary: str
    remarks: tuple[Remark, ...]
    url: str = ""
