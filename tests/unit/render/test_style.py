"""The style sheets of every page: contrast by what pages use, on light and on dark; nothing loaded; small."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

STYLE = Path(__file__).parents[3] / "src/pilotage/render/style"
TOKENS, BASE = ((STYLE / name).read_text(encoding="utf-8") for name in ("tokens.css", "base.css"))
SERVER = (STYLE.parents[1] / "web/static/server.css").read_text(encoding="utf-8")
LIGHT, DARK = TOKENS.split("@media screen and (prefers-color-scheme: dark)")
SURFACES = ("bg", "panel", "sunk")
STATES = ("good", "wait", "bad", "none", "new", "stable")
TEXT = [
    *((ink, surface) for ink in ("ink", "soft", *STATES) for surface in SURFACES),
    *((ink, f"{state}-soft") for state in STATES for ink in (state, "ink", "soft")),
    ("panel", "ink"),
]
"""Text on its ground: at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
SHAPES = [
    *((shape, surface) for shape in ("edge", "focus", "stable-fill", "new-fill", "bad") for surface in ("bg", "panel")),
    ("edge", "sunk"), ("focus", "sunk"),
]  # fmt: skip
"""Outlines of controls, focus and areas of charts: at least 3 to 1 (1.4.11)."""


def colours(scheme: str) -> dict[str, str]:
    light = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", LIGHT))
    return light if scheme == "light" else {**light, **dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", DARK))}


def luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_r3_every_pair_of_colours_has_the_contrast_of_aa(scheme: str) -> None:
    found = colours(scheme)
    pairs = chain(((pair, 4.5) for pair in TEXT), ((pair, 3.0) for pair in SHAPES))
    weak = {pair: round(ratio, 2) for pair, least in pairs if (ratio := contrast(*(found[c] for c in pair))) < least}
    assert weak == {}


def test_r3_dark_changes_every_colour() -> None:
    light, dark = (set(re.findall(r"--([\w-]+): #", part)) for part in (LIGHT, DARK))
    assert dark == light


def test_r3_base_uses_only_tokens_that_exist() -> None:
    defined = set(re.findall(r"(--[\w-]+):", TOKENS))
    used = set(re.findall(r"var\((--[\w-]+)\)", BASE + SERVER))
    assert used <= defined
    assert defined - used - {"--s6", "--s7"} == set()


def test_mails_have_the_colours_of_the_pages() -> None:
    mail = (STYLE.parents[1] / "adapters/notify/mail_page.py").read_text(encoding="utf-8")
    known = {f"#{colour}" for scheme in ("light", "dark") for colour in colours(scheme).values()}
    assert set(re.findall(r"#[0-9a-f]{6}", mail)) <= known


def test_r3_the_style_loads_nothing_and_is_small() -> None:
    css = TOKENS + BASE
    assert len(css.encode()) < 24_000, "documents carry these: what only the server's pages need is in server.css"
    assert not re.search(r"url\(|@import|@font-face|</style|expression\(", css)
    assert not re.search(r"[^\n\x20-\x7e✓✕▸▾]", css)
