"""Which of four things an improvement improves, by the type and the words of its commit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pilotage.report.headers import CONVENTIONAL

OTHER = "Improvements"
_ASPECTS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (title, re.compile(rf"(?<![\w-])(?:{words})", re.IGNORECASE))
    for title, words in (
        (
            "Scalability",
            r"concurren\w*|scal(?:e|es|ed|ing|able|ability)\b|throughput|parallel\w*|shard\w*|replicas?\b|clusters?\b"
            r"|connection pool\w*|load[- ]balanc\w*|many (?:users|clients|requests|connections)\b",
        ),
        (
            "Performance",
            r"perf\b|performance|faster|speed\w*|quick\w*|latenc\w*|slow\w*|cach(?:e|es|ed|ing)\b|optimi[sz]\w*"
            r"|allocat\w*|memory\b|startup time|response times?\b|less cpu\b",
        ),
        (
            "User experience",
            r"u[ix]\b|interface|usab\w*|accessib\w*|a11y|screen readers?\b|keyboard|layout|buttons?\b|dialogs?\b"
            r"|menus?\b|dark mode|themes?\b|tooltips?\b|wording|pages?\b|screens?\b|forms?\b|navigation"
            r"|error messages?\b",
        ),
    )
)

ASPECTS = tuple(title for title, _ in _ASPECTS)


def aspect_of(subject: str, text: str, scope: str) -> str:
    """One of `ASPECTS`, or `OTHER` where no word says which."""
    for title, words in _ASPECTS:
        if words.search(f"{scope} {text}"):
            return title
    header = CONVENTIONAL.match(subject)
    return "Performance" if header and header["type"].lower() == "perf" else OTHER
