"""Which passwords are good enough: long, and not made of what everybody tries first (NIST SP 800-63B-4, 3.1.1.2).

No rule about digits or signs: they lead to `Password1!`. Known words, names, runs and repetitions count for nothing;
enough must be left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pilotage.model.errors import Invalid

SHORTEST, LONGEST = 12, 256
"""Characters of a password."""
_LEFT, _DIFFERENT = 8, 6
"""Characters that must be left when what is easily guessed is taken away, and how many different ones."""

_WORDS = (
    "password", "passwort", "passphrase", "passw", "motdepasse", "contrasena", "wachtwoord", "kennwort", "secret",
    "geheim", "welcome", "willkommen", "bienvenue", "letmein", "iloveyou", "ichliebedich", "administrator", "admin",
    "root", "user", "guest", "login", "changeme", "default", "hello", "hallo", "qwertz", "qwerty", "azerty", "asdf",
    "yxcv", "zxcv", "abc", "monkey", "dragon", "football", "baseball", "fussball", "master", "sunshine", "princess",
    "shadow", "superman", "batman", "summer", "winter", "spring", "autumn", "sommer", "herbst", "january", "february",
    "november", "december", "pilotage", "deploy", "release", "production", "staging", "test", "demo", "company",
)  # fmt: skip
_ROWS = ("qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "azertyuiop", "abcdefghijklmnopqrstuvwxyz")
_DIGITS = "01234567890"
_LEET = str.maketrans("@4310$57!", "aaeiossti")


class WeakPassword(Invalid):
    """The password is too short, or too easily guessed."""


def refuse_weak(password: str, about: Sequence[str] = ()) -> None:
    """about: what others know of the person, such as name and address. Raises WeakPassword."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"the password has {len(password)} characters; choose at least {SHORTEST}")
    if len(password) > LONGEST:
        raise WeakPassword(f"the password has more than {LONGEST} characters")
    if any(ord(one) < 32 for one in password):
        raise WeakPassword("the password holds a line break or another control character")
    left = _unguessed(password, about)
    if len(left) < _LEFT or len(set(left)) < _DIFFERENT:
        raise WeakPassword(
            "the password is easily guessed: it is made of known words, names, runs or repetitions; "
            "four words that have nothing to do with each other are better"
        )


def _unguessed(password: str, about: Sequence[str]) -> str:
    """What remains without words, names, runs and repetitions."""
    text = password.lower()
    names = {part for one in about for part in re.split(r"[^a-z0-9]+", one.lower()) if len(part) > 2}
    for plain in (text, text.translate(_LEET)):
        found = plain
        for word in sorted({*_WORDS, *names}, key=len, reverse=True):
            found = found.replace(word, "\0")
        text = min(text, _without_runs(found).replace("\0", ""), key=len)
    return text


def _without_runs(text: str) -> str:
    """Of a run such as 4321, qwer or aaaa the first character; of a repeated block the first."""
    kept: list[str] = []
    for index, one in enumerate(text):
        if index == 0 or not _continues(text[index - 1], one):
            kept.append(one)
    joined = "".join(kept)
    for size in range(2, len(joined) // 2 + 1):
        block = joined[:size]
        if (block * (len(joined) // size + 1))[: len(joined)] == joined:
            return block
    return joined


def _continues(before: str, one: str) -> bool:
    pair = before + one
    return before == one or any(pair in row or pair in row[::-1] for row in (*_ROWS, _DIGITS))
