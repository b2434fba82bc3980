"""Recorded sentences as pages show them: one way to write shares and times, and names of settings and files as code."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from pilotage.model.wording import within

_CODE = re.compile(r"`([^`\n]+)`")
_SHARE = re.compile(r'(?<=[0-9])[ \N{NO-BREAK SPACE}]?%(?![0-9A-Za-z"])')
_TIME = re.compile(r"(?<![\w.,:/#-])(?<!such as )(?:[0-9]{1,6}(?:\.[0-9]{1,3})?(?:ms|[smhd]))+(?![\w/:-])")
"""`2m30s`, unless a sentence says what to type."""
_UNIT = re.compile(r"(?<=[0-9])(ms|[smhd])(?=([0-9])?)")
_AS_IT_IS = ("<code", "<pre", "<textarea", "<option", "<style", "<script", "<kbd")
_NAME = re.compile(r"(?<![\w./@-])[a-z][a-z0-9]*(?:[._][a-z0-9]+)*_[a-z0-9_]+(?:\.[a-z0-9_]+)*(?:: [a-z]+)?(?![\w/@-])")
"""A word with an underscore, and what is written as its value: `risk_tolerance: low`."""

_KNOWN = frozenset((
    "application_error_rate", "response_time_p95", "memory_utilization", "cpu_utilization", "database_connection_pool",
    "external_service_latency", "user_session_health", "business_conversion_rate", "user_satisfaction", "success_rate",
    "canary_health_score",
))  # fmt: skip
"""Metrics of Pilotage's own, which sentences name as words."""


def one_way(page: str) -> str:
    """The markup of a page, whose text writes `5%` and `5 %` as `5 %`, and `2m30s` as `2 min 30 s`, each on one line.
    Attributes and code stay as they are."""
    page = _SHARE.sub(_spaced, page) if "%" in page else page
    return _TIME.sub(_spelled, page)


def _spaced(found: re.Match[str]) -> str:
    return "\N{NO-BREAK SPACE}%" if _is_prose(found) else found[0]


def _spelled(found: re.Match[str]) -> str:
    return _UNIT.sub(_unit, found[0]) if _is_prose(found) else found[0]


def _unit(found: re.Match[str]) -> str:
    more = "\N{NO-BREAK SPACE}" if found[2] else ""
    return f"\N{NO-BREAK SPACE}{'min' if found[1] == 'm' else found[1]}{more}"


def _is_prose(found: re.Match[str]) -> bool:
    """Whether it stands neither in a tag nor in an element whose text stays as it is."""
    opened = found.string.rfind("<", 0, found.start())
    within_a_tag = found.string.find(">", opened, found.start()) < 0 <= opened
    return not within_a_tag and not found.string.startswith(_AS_IT_IS, max(0, opened))


def prose(text: object) -> Markup:
    """The text, escaped. What stands between backticks, and names with an underscore, are code."""
    return Markup("").join(_part(index, part) for index, part in enumerate(_CODE.split(str(text))))


def _part(index: int, text: str) -> Markup:
    if index % 2:
        return Markup("<code>{}</code>").format(text)
    if "_" not in text:
        return escape(text)
    found, last = list[Markup](), 0
    for name in _NAME.finditer(text):
        found += (escape(text[last : name.start()]), _named(name[0]))
        last = name.end()
    return Markup("").join((*found, escape(text[last:])))


def _named(name: str) -> Markup:
    word, colon, value = name.partition(":")
    if word in _KNOWN:
        return escape(f"{within(word)}{colon}{value}")
    return Markup("<code>{}</code>").format(name)
