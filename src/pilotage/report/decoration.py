"""Prefixes of a subject: gitmoji and ids of issues. https://gitmoji.dev names the emoji."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.report.commit_words import Kind

_BY_KIND: Mapping[Kind, str] = {
    Kind.SECURITY: "🔒 :lock:",
    Kind.FEATURE: "✨ :sparkles:",
    Kind.IMPROVEMENT: "⚡ :zap: 🌐 :globe_with_meridians: ♿ :wheelchair: 🚸 :children_crossing: 📱 :iphone: 🔍 :mag:"
                      " 💫 :dizzy: 🧵 :thread: ✈ :airplane:",
    Kind.FIX: "🐛 :bug: 🚑 :ambulance: 🩹 :adhesive_bandage: 🥅 :goal_net: 🦺 :safety_vest:",
    Kind.DEPRECATION: "🗑 :wastebasket:",
    Kind.CHANGE: "💄 :lipstick: 👽 :alien: 🍱 :bento: 🗃 :card_file_box: 🚩 :triangular_flag_on_post:"
                 " 🛂 :passport_control: 👔 :necktie: 🦖 :t-rex:",
    Kind.DEPENDENCY: "⬆ :arrow_up: ⬇ :arrow_down: 📌 :pushpin: ➕ :heavy_plus_sign: ➖ :heavy_minus_sign:",
    Kind.DOCS: "📝 :memo: ✏ :pencil2: :pencil: 💡 :bulb: 📄 :page_facing_up:",
    Kind.INTERNAL: "🎨 :art: 🔥 :fire: 🚀 :rocket: 🎉 :tada: ✅ :white_check_mark: 🔐 :closed_lock_with_key:"
                   " 🔖 :bookmark: 🚨 :rotating_light: 🚧 :construction: 💚 :green_heart: 👷 :construction_worker:"
                   " ♻ :recycle: 🔧 :wrench: 🔨 :hammer: 🔀 :twisted_rightwards_arrows: 📦 :package: 🚚 :truck:"
                   " 🙈 :see_no_evil: 📸 :camera_flash: ⚗ :alembic: 🏷 :label: 🌱 :seedling: 🏗 :building_construction:"
                   " ⚰ :coffin: 🧪 :test_tube: 🧱 :bricks: 🧑 :technologist: 🤡 :clown_face: 🔊 :loud_sound: 🔇 :mute:",
}  # fmt: skip
_GITMOJI: Mapping[str, Kind] = {mark: kind for kind, marks in _BY_KIND.items() for mark in marks.split()}
_BREAKS = ("💥", ":boom:")

_EMOJI = re.compile(
    r"^(?:(?P<code>:[a-z0-9_+-]{2,40}:)(?=[\s(])|(?P<sign>[\u2300-\u2bff\U0001f000-\U0001faff])"
    r"[\ufe0e\ufe0f\u200d\u2640\u2642\U0001f000-\U0001faff]{0,8})\s*"
)
_ID = r"(?:AB#\d+|GH-\d+|#\d+|[A-Z][A-Z0-9]{1,9}-\d+)"
_ISSUE = re.compile(rf"^(?:\[{_ID}\]|\({_ID}\)|{_ID})(?:\s{{0,9}}[:,/|-]\s{{0,9}}|\s+|(?=\[))")
_ISSUE_ALONE = re.compile(rf"^{_ID}$")
_AFTER_TYPE = re.compile(rf"^(?P<type>[A-Za-z][\w-]{{0,40}}(?:\([^()]{{0,80}}\))?!?) \[?{_ID}\]?:")
_SCOPE = re.compile(r"^\((?P<scope>[^()]{1,40})\):?\s+(?=\S)")

_TIGHT = re.compile(
    r"^(?P<type>(?:feat|feature|fix|perf|docs|chore|refactor|style|test|build|ci)(?:\([^()]{0,80}\))?!?):(?=[^\s:/])",
    re.IGNORECASE,
)
"""A type without a space behind its colon."""
_NO_PIPELINE = re.compile(r"(?:^|\s)\[(?:skip (?:ci|actions)|(?:ci|actions) skip|no ci)\](?=\s|$)", re.IGNORECASE)
"""Marks that make a pipeline skip a commit."""

NO_ISSUE = re.compile(
    r"^[\[(]?(?:UTF|SHA|ISO|CVE|RFC|HTTP|TLS|AES|MD|UCS|CP|PEP|BCP|ECMA|X|I|US|GPT|IPV?)-\d", re.IGNORECASE
)
"""Text that looks like the id of an issue but is not."""


@dataclass(frozen=True)
class Plain:
    """text: the subject without decoration · kind: that of its gitmoji, None without · scope: after a gitmoji · breaks:
    the gitmoji says that it breaks."""

    text: str
    kind: Kind | None = None
    scope: str = ""
    breaks: bool = False


def undecorated(subject: str) -> Plain:
    """`✨ feat: x`, `:bug:(cart) x`, `ABC-1: x`, `[ABC-1] feat: x` and `AB#1 x` as plain words."""
    subject = _NO_PIPELINE.sub("", subject).strip() or subject
    text, marks = _AFTER_TYPE.sub(r"\g<type>:", _TIGHT.sub(r"\g<type>: ", subject)), list[str]()
    for _ in range(6):
        if found := _EMOJI.match(text):
            marks.append(found["code"] or found["sign"])
        elif not (found := _issue(text)):
            break
        if found.end() == len(text):
            break
        text = text[found.end() :]
    kind = next((_GITMOJI[mark] for mark in marks if mark in _GITMOJI), None)
    scope = _SCOPE.match(text) if marks else None
    rest = text[scope.end() :] if scope else text
    return Plain(rest, kind, scope["scope"] if scope else "", any(mark in _BREAKS for mark in marks))


def is_issue(scope: str) -> bool:
    """A scope that is the id of an issue: `feat(ABC-1): x`."""
    return bool(_ISSUE_ALONE.match(scope)) and not NO_ISSUE.match(scope)


def _issue(text: str) -> re.Match[str] | None:
    return None if NO_ISSUE.match(text) else _ISSUE.match(text)
