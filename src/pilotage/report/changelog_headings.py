"""The headings of a changelog: which are of versions, in which form they are written, and how they are linked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pilotage.model.errors import Invalid
from pilotage.report.tags import version_named

_HEADING = re.compile(r"^(?P<marks>#{1,4})[ \t]+(?P<text>\S[^\n]*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"^(?P<text>[\[vV\d][^\n]{0,250})\n(?P<marks>-{3,250}|={3,250})[ \t]*$", re.MULTILINE)
"""A heading of a version in Markdown's other form."""
_LISTED = re.compile(
    r"^(?:[-=*~]{1,4}[ \t]{0,9}\[?v?\d{1,9}\.\d{1,9}(?:\.\d{1,9})?(?=[\s\])*:]|$)"
    r"|\[?v?\d{1,9}\.\d{1,9}(?:\.\d{1,9})?\]?[ \t]{0,9}(?:[-–(/][^\n]{0,40})?$)", re.MULTILINE,
)  # fmt: skip
"""A line that names a version and is no heading of Markdown: bold, of a list, or of another markup."""
_WAITING = frozenset((
    "unreleased", "next", "head", "upcoming", "next release", "next version", "upcoming release", "unreleased changes",
    "head (unreleased)", "main (unreleased)", "master (unreleased)", "next (unreleased)", "in development",
))  # fmt: skip
_NAMED = re.compile(
    r"^(?P<word>(?:version|release) )?(?P<open>\[?)(?P<name>[^\]\s(]{1,250})\]?(?:\((?P<url>[^)\s]*)\))?", re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SIGNED_DATE = re.compile(r"(?P<sign>[-–—/|:,( \t]{0,9})\d{4}-\d\d-\d\d(?P<close>\)?)")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """Of a version, or of `Unreleased`. begin, end: its place in the text · level: number of `#` · name: as written ·
    url: in brackets behind it · rest: what follows, as ` - 2026-11-24` · word: `Version ` before it · underline: the
    sign it is underlined with, instead of `#`."""

    begin: int
    end: int
    level: int
    name: str
    bracketed: bool
    url: str
    rest: str
    word: str = ""
    underline: str = ""

    @property
    def bare(self) -> str:
        return bare(self.name)

    @property
    def is_unreleased(self) -> bool:
        return f"{self.word}{self.name}{self.rest}".strip().lower() in _WAITING

    @property
    def order(self) -> tuple[tuple[int, int, int], bool]:
        return self.order_of(self.name)

    @staticmethod
    def order_of(name: str) -> tuple[tuple[int, int, int], bool]:
        """Numbers first, a pre-release before its release; what is no version comes first."""
        tag = version_named(name)
        return (tag.release, tag.final) if tag else ((0, 0, 0), False)

    def end_of_content(self, body: str, found: Sequence[Heading]) -> int:
        return min((other.begin for other in found if other.begin > self.begin), default=len(body))

    def content(self, body: str, found: Sequence[Heading]) -> str:
        return body[self.end : self.end_of_content(body, found)].strip()


def bare(name: str) -> str:
    """A version without the prefix of its tag: `1.2.0` of `v1.2.0` and `api-v1.2.0`."""
    tag = version_named(name)
    return name[len(tag.prefix) :] if tag else name.lower()


@dataclass(frozen=True)
class Compared:
    """A link that compares two tags: `https://…/compare/v1.0.0...v1.1.0`."""

    base: str
    first: str
    dots: str
    last: str

    @staticmethod
    def of(url: str) -> Compared | None:
        base, compare, tags = url.rpartition("/compare/")
        dots = "..." if "..." in tags else ".."
        first, found, last = tags.partition(dots)
        return Compared(base + compare, first, dots, last) if compare and found and first and last else None

    def url(self, first: str, last: str) -> str:
        return f"{self.base}{first}{self.dots}{last}"


def _code(body: str) -> list[tuple[int, int]]:
    """Where blocks of code start and end."""
    fences = [found.start() for found in re.finditer(r"^```", body, re.MULTILINE)]
    return list(zip(fences[::2], [*fences[1::2], len(body)], strict=False))


def headings_of(body: str) -> tuple[Heading, ...]:
    """The headings of versions, outside of code."""
    code = _code(body)
    found = []
    matches = [*_HEADING.finditer(body), *_UNDERLINED.finditer(body)]
    for match in sorted(matches, key=lambda one: one.start()):
        named = _NAMED.match(match["text"])
        if named is None or any(begin <= match.start() < end for begin, end in code):
            continue
        name, text = named["name"], match["text"].translate({ord("["): None, ord("]"): None})
        if name.lower() == "unreleased" or text.strip().lower() in _WAITING or ("." in name and version_named(name)):
            found.append(Heading(
                begin=match.start(), end=match.end(), level=_level(match["marks"]), name=name,
                bracketed=bool(named["open"]), url=named["url"] or "", rest=match["text"][named.end() :].rstrip(),
                word=named["word"] or "", underline=match["marks"][0].strip("#"),
            ))  # fmt: skip
    return tuple(found)


def _level(marks: str) -> int:
    return {"=": 1, "-": 2}.get(marks[0], len(marks))


class OtherShape(Invalid):
    """The versions of a changelog are not Markdown headings, so sections cannot be found."""


def check_shape(body: str, found: Sequence[Heading]) -> None:
    """Raises OtherShape with the line of a version that has another form than a heading, where none has that one."""
    code = _code(body)
    listed = (one for one in _LISTED.finditer(body) if not any(begin <= one.start() < end for begin, end in code))
    if not found and (first := next(listed, None)) is not None:
        line, number = body[first.start() :].partition("\n")[0], body.count("\n", 0, first.start()) + 1
        raise OtherShape(
            f"line {number} of the changelog, {line[:60]!r}, names a version and is no heading of Markdown: "
            "write it as ## 1.2.0, or give another file"
        )


def level_below(body: str, found: Sequence[Heading]) -> int:
    """Level of the headings within a version's section: as the file has it, else three."""
    of_versions = {heading.begin for heading in found}
    first = min(of_versions, default=len(body))
    inner = [len(m["marks"]) for m in _HEADING.finditer(body) if m.start() > first and m.start() not in of_versions]
    return max(inner[0] if inner else 3, 2)


def written(version: str, day: date | None, found: Sequence[Heading], own: Heading | None) -> str:
    """The heading of a version: its own with the new date, else in the form of its neighbours."""
    released = [heading for heading in found if not heading.is_unreleased]
    if own is not None:
        old = f"{own.word}{_name(own.name, own.bracketed, own.url)}"
        dated = _DATE.sub(day.isoformat(), _NOT_YET.sub(day.isoformat(), own.rest)) if day else own.rest
        return _headed(old + (dated if own.rest else _dated(day, released)), own)
    if bare(version) == "unreleased":
        level = min((heading.level for heading in released), default=2)
        return f"{'#' * max(level, 2)} [{version}]"
    if not released:
        tag = version_named(version)
        shown = version[len(tag.prefix.removesuffix("v")) :] if tag else version
        return f"## [{shown}]{_dated(day, released)}"
    last, alike = released[0], [one for one in released if (one.order[0][2] == 0) is _is_minor(version)]
    shape = (alike or released)[0]
    shown = ("v" if last.name[:1] == "v" else "") + bare(version)
    name = _name(shown, last.bracketed, _next_url(last.url, last.bare, bare(version)))
    return _headed(f"{last.word}{name}{_dated(day, released)}", shape)


_NOT_YET = re.compile(r"\bunreleased\b", re.IGNORECASE)


def _headed(text: str, shape: Heading) -> str:
    return f"{text}\n{shape.underline * len(text)}" if shape.underline else f"{'#' * shape.level} {text}"


def _is_minor(version: str) -> bool:
    return Heading.order_of(version)[0][2] == 0


def _name(name: str, bracketed: bool, url: str) -> str:
    return f"[{name}]({url})" if url else f"[{name}]" if bracketed else name


def _dated(day: date | None, released: Sequence[Heading]) -> str:
    """The date as the newest heading that has one writes it; none where the file has versions without dates."""
    if day is None:
        return ""
    found = next((date for heading in released if (date := _SIGNED_DATE.search(heading.rest))), None)
    if found is not None:
        return f"{found['sign']}{day.isoformat()}{found['close']}"
    return "" if any(not heading.rest for heading in released) else f" - {day.isoformat()}"


def _next_url(url: str, before: str, version: str) -> str:
    """`…/compare/v1.0.0...v1.1.0` continued by one version."""
    found = Compared.of(url)
    return found.url(found.last, found.last.replace(before, version)) if found and before in found.last else ""


def linked(tail: str, version: str, heading: str) -> str:
    """The links at a file's end, with one for the version, and `Unreleased` compared with it. heading: of the version;
    only a name in brackets needs a link."""
    named = re.match(r"#+ \[(?P<name>[^\]]+)\](?!\()", heading)
    lines = tail.split("\n")
    known = {line.partition("]: ")[0].removeprefix("["): number for number, line in enumerate(lines)}
    if not tail or named is None or bare(version) == "unreleased" or named["name"] in known:
        return tail
    at = next((number for name, number in known.items() if name.lower() == "unreleased"), -1)
    found = Compared.of(lines[max(at, 0)].partition("]: ")[2])
    if found is None:
        return tail
    before = found.last if at < 0 else found.first
    after = _tag_like(before, version)
    if at >= 0:
        lines[at] = f"{lines[at].partition(']: ')[0]}]: {found.url(after, found.last)}"
    lines.insert(at + 1, f"[{named['name']}]: {found.url(before, after)}")
    return "\n".join(lines)


def _tag_like(tag: str, version: str) -> str:
    """The tag of a version with the prefix of another tag."""
    found = version_named(tag)
    return f"{found.prefix if found else ''}{bare(version)}"
