"""What a browser says of itself, in two words: people know `Firefox on Linux`, not a line of tokens."""

from __future__ import annotations

_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
"""In this order: each names those behind it too."""
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_words(agent: str) -> str:
    """agent: the User-Agent header; shown as it is, cut off, where nothing in it is known."""
    browser = next((name for token, name in _BROWSERS if token.lower() in agent.lower()), "")
    system = next((name for token, name in _SYSTEMS if token in agent), "")
    return " on ".join(one for one in (browser, system) if one) or agent[:40] or "unknown browser"
