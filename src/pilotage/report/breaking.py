"""Breaking changes: those that a commit declares with `!` or a footer, and dropped platforms. Words that merely mention
breaking are only a hint: a major version cannot be taken back."""

from __future__ import annotations

import re

from pilotage.report.commit_words import Kind
from pilotage.report.headers import CONVENTIONAL, PART, TYPES, has_bang

TRAILERS = re.compile(
    r"^(?:[A-Z][\w-]+-by|Change-Id|Cc|Closes?|Fixes|Resolves|Refs?|See-also|Changelog|Link): ", re.MULTILINE
)
_FOOTER = re.compile(r"^BREAKING[ -]CHANGES?:(?: +(?P<text>\S.*))?$", re.MULTILINE)
_NOTHING = re.compile(r"(?:none|no|nothing|nil|false|n/?a|not applicable|-+)[.!]?", re.IGNORECASE)
"""What a template of requests leaves behind its footer where nothing breaks."""
_SEMVER = re.compile(r"^\+semver: ?(?:breaking|major)$", re.MULTILINE)
"""What GitVersion reads."""
_LABELLED = re.compile(r"^\W{0,3}breaking\b", re.IGNORECASE)
_TOKEN = re.compile(r"^(?:[A-Za-z][\w-]*|BREAKING[ -]CHANGES?)(?:: | #)")
_SAID = re.compile(
    r"\b(?:backwards?[- ]incompatible|incompatible change|breaking change|breaks? (?:backwards? )?compatibility)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|no|non|without)\b[^.\n]{0,20}breaking", re.IGNORECASE)

_NAMES = (
    r"(?:python|pypy|node(?:\.?js)?|php|ruby|jruby|java|jdk|golang|go|rust|\.net|perl|scala|kubernetes|k8s|postgres(?:ql)?"
    r"|mysql|mariadb|sqlite|django|rails|spring boot|react|vue|angular|windows|macos|ios|android|ubuntu|debian"
    r"|internet explorer|ie)"
)
_PLATFORM = re.compile(rf"(?<![\w-]){_NAMES} ?v?\d", re.IGNORECASE)
_DROPS = re.compile(
    rf"\b(?:drop(?:s|ped|ping)?(?: support)?(?: for| of)?|(?:remov(?:e|es|ed|ing)|ends?) support (?:for|of)"
    rf"|no longer supports?) (?:(?:old|the|legacy|eol) )?(?:(?P<named>{_NAMES})[ -]?v?[<>=]{{0,2}} ?\d|v?\d+\.\d)"
    rf"|\b(?:now requires?|requires? at least) (?P<needed>{_NAMES})[ -]?v?[<>=]{{0,2}} ?\d"
    rf"|\b(?:remov(?:e|es|ed|ing)|drop(?:s|ped|ping)?) (?P<before>{_NAMES}) ?v?\d[\d.]{{0,9}} support\b",
    re.IGNORECASE,
)


def declared(subject: str, text: str, body: str) -> str | None:
    """What breaks, in the words of its footer, else of the text below a subject with `!`; None where neither declares
    it. text: the subject without its type."""
    if footer := _of_footer(body):
        return footer
    if _SEMVER.search(f"{subject}\n{body}"):
        return sentence(_SEMVER.sub("", text).strip() or body.strip().partition("\n")[0])
    if has_bang(subject):
        first = body.partition("\n\n")[0]
        tells = first and not TRAILERS.match(first) and not first.startswith(("* ", "- "))
        return " ".join(first.split()) if tells else sentence(text)
    return None if is_typed(subject) else _of_part(body)


def is_typed(subject: str) -> bool:
    """Whether a subject names its type: then it speaks for the commits that it was squashed from."""
    found = CONVENTIONAL.match(subject)
    return bool(found and found["type"].lower() in TYPES)


def _of_part(body: str) -> str | None:
    """What breaks by the `!` of a commit that a request was squashed from."""
    parts = (part for part in PART.findall(body) if has_bang(part) and is_typed(part))
    found = CONVENTIONAL.match(next(parts, ""))
    return sentence(found["text"]) if found else None


def _of_footer(body: str) -> str | None:
    """The text of a footer. It starts a paragraph, or follows another footer or the end of a sentence, so a sentence
    that is wrapped before these words is not a footer."""
    paragraphs = body.replace("\r", "").split("\n\n")
    for paragraph, below in zip(paragraphs, [*paragraphs[1:], ""], strict=True):
        lines = paragraph.split("\n")
        for number, line in enumerate(lines):
            found = _FOOTER.match(line)
            before = lines[number - 1] if number else ""
            if found and (not before or _TOKEN.match(lines[0]) or before.rstrip()[-1:] in (".", "!", "?", ":", ")")):
                rest = lines[number + 1 :]
                end = next((at for at, other in enumerate(rest) if _TOKEN.match(other)), len(rest))
                said = " ".join(" ".join([found["text"] or "", *rest[:end]]).split()) or _told_below(rest, below)
                if said and not _NOTHING.fullmatch(said):
                    return said
    return None


def _told_below(rest: list[str], below: str) -> str:
    """The paragraph below a footer on its own line, as in Angular's commits."""
    is_other = bool(rest) or _TOKEN.match(below) or any(is_typed(part) for part in PART.findall(below))
    return "" if is_other else " ".join(below.split())


def drops_platform(subject: str, kind: Kind) -> bool:
    """`drop Python 3.8`, `support Python 3.13, drop 3.8`, `remove support for Node 16`; not where only tests or
    documentation drop it."""
    header = CONVENTIONAL.match(subject)
    of_tests = header["type"].lower() in ("ci", "test", "tests", "docs", "doc") if header else kind is Kind.DOCS
    found = None if of_tests else _DROPS.search(subject)
    return bool(found and (found["named"] or found["before"] or found["needed"] or _PLATFORM.search(subject)))


def mentioned(subject: str, body: str, kind: Kind) -> bool:
    """Whether words say that something breaks, of a change that reaches anyone, or a commit below a title that does
    not."""
    text = f"{subject}\n{body}"
    says = bool(_SAID.search(text)) and not _DENIED.search(text)
    header = CONVENTIONAL.match(subject)
    is_labelled = _LABELLED.match(subject) or (header and _LABELLED.match(header["text"]))
    return _of_part(body) is not None or bool(is_labelled) or (kind not in (Kind.INTERNAL, Kind.DOCS) and says)


def sentence(text: str) -> str:
    """Starts with a capital, ends without a full stop."""
    text = text.strip().rstrip(".") if not text.rstrip().endswith("...") else text.strip()
    first = text.partition(" ")[0]
    return text if not text or not first.islower() or not first.isalpha() else text[0].upper() + text[1:]
