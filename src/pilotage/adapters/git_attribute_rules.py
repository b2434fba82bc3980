"""The rules of a `.gitattributes` file, and whether they mean a file: as git has them, but in bounded time.

Git's own matching takes exponential time for a pattern with a few stars, and whoever writes a commit writes the
pattern. Here each star takes the first place that fits and never another one, which is all that a name without slashes
needs. gitattributes(5) and gitignore(5) describe the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.git_names import unquoted

MOST_RULES = 2_000
_LONGEST_LINE = 2_048
"""Bytes; git leaves out longer ones, too."""

_LONGEST_PATTERN, _MOST_STARS = 400, 16

_MACRO = b"[attr]"
_BLANK = b" \t\r"
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"[A-Za-z0-9_.][-A-Za-z0-9_.]*")

State = str | None
"""What is said of an attribute: `true`, `false`, its value, or None for unspecified."""

Macros = Mapping[str, tuple[tuple[str, State], ...]]
"""What an attribute of that name stands for."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """parts: folders and name, None for any number of folders · anywhere: the name counts in each folder below · says:
    in the written order."""

    parts: tuple[re.Pattern[str] | None, ...]
    anywhere: bool
    says: tuple[tuple[str, State], ...]

    def means(self, path: str) -> bool:
        """path: from the folder of the rules."""
        if self.anywhere:
            (name,) = self.parts
            return name is not None and name.fullmatch(path.rpartition("/")[2]) is not None
        return _match(self.parts, path.split("/"))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Of one file: the last that means a path counts. left_out: how many are too long, or too many, to be matched."""

    rules: tuple[Rule, ...] = ()
    macros: Macros
    left_out: int = 0


def parsed(content: bytes, wanted: frozenset[str], macros: Macros, *, is_top: bool) -> Rules:
    """The rules that say anything of the wanted attributes, at most so many, the last ones. macros: those of the top
    folder, the only one that may define them."""
    mine, found, left_out = dict(macros), list[Rule](), 0
    for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = line.strip(_BLANK)
        if not line or line.startswith(b"#") or len(line) > _LONGEST_LINE:
            continue
        if line.startswith(_MACRO):
            name, *said = line[len(_MACRO) :].decode(errors="replace").split()[:50] or [""]
            if is_top and name:
                mine[name] = tuple(_states(said))
            continue
        quoted = _QUOTED.match(line)
        pattern, rest = (line[: quoted.end()], line[quoted.end() :]) if quoted else _halves(line)
        says = tuple(_states(rest.decode(errors="replace").split()))
        if not any(name in wanted or name in mine for name, _ in says):
            continue
        if _is_endless(name := unquoted(pattern)):
            left_out += 1
        elif rule := _rule(name, says):
            found.append(rule)
    left_out += max(0, len(found) - MOST_RULES)
    return Rules(rules=tuple(found[-MOST_RULES:]), macros=mine, left_out=left_out)


def said_of(path: str, layers: Sequence[tuple[str, Rules]], wanted: frozenset[str]) -> Mapping[str, State]:
    """layers: folders that lead to the path, each with a slash at its end, and their rules; the nearest one first."""
    found = dict[str, State]()
    for folder, rules in layers:
        for rule in reversed(rules.rules):
            if rule.means(path[len(folder) :]):
                _fill(found, rule.says, rules.macros)
            if wanted <= found.keys():
                return found
    return found


def _fill(found: dict[str, State], says: Sequence[tuple[str, State]], macros: Macros) -> None:
    """What was said first stays; of one rule, what stands last in it."""
    for name, state in reversed(says):
        if name in found:
            continue
        found[name] = state
        if state == "true" and name in macros:
            _fill(found, macros[name], macros)


def _halves(line: bytes) -> tuple[bytes, bytes]:
    pattern, *rest = line.split(maxsplit=1)
    return pattern, rest[0] if rest else b""


def _states(words: Sequence[str]) -> Iterator[tuple[str, State]]:
    for word in words:
        name, equals, value = word.lstrip("-!").partition("=")
        if not _NAME.fullmatch(name):
            continue
        if word.startswith("-"):
            yield name, "false"
        elif word.startswith("!"):
            yield name, None
        else:
            yield name, value if equals else "true"


def _is_endless(pattern: str) -> bool:
    """Whether it is far longer than any pattern that somebody means."""
    return len(pattern) > _LONGEST_PATTERN or pattern.count("*") > _MOST_STARS


def _rule(pattern: str, says: tuple[tuple[str, State], ...]) -> Rule | None:
    """None for what can mean no file: a folder, or an exception."""
    if pattern.startswith("!") or pattern.endswith("/"):
        return None
    anywhere = "/" not in pattern
    parts = pattern.removeprefix("/").split("/")
    try:
        compiled = tuple(None if part == "**" and not anywhere else re.compile(_expression(part)) for part in parts)
    except re.error:
        return None
    return Rule(parts=compiled, anywhere=anywhere, says=says)


_TOKEN = re.compile(r"\*+|\?|\\.|\[[!^]?\]?(?>(?:\[:[a-z]{1,10}:\]|\\.|[^\]\\]){0,60})\]|.", re.DOTALL)


def _expression(part: str) -> str:
    """Of a pattern's part between slashes. Each star but the last takes the first place where what follows it fits."""
    runs = [""]
    for token in _TOKEN.findall(part):
        if token.startswith("*"):
            runs.append("")
        else:
            runs[-1] += _single(token)
    first, *rest = runs
    if not rest:
        return first
    middle = "".join(f"(?>.*?{run})" for run in rest[:-1] if run)
    return f"(?s:{first}{middle}.*{rest[-1]})"


def _single(token: str) -> str:
    if token == "?":
        return "(?s:.)"
    if len(token) > 2 and token.startswith("["):
        return _set(token[1:-1])
    return re.escape(token[1:] if len(token) == 2 and token.startswith("\\") else token)


_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "xdigit": "0-9a-fA-F", "blank": r" \t", "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
}  # fmt: skip
_MEMBER = re.compile(r"\[:([a-z]+):\]|\\(.)|(.)", re.DOTALL)


def _set(inner: str) -> str:
    negated, inner = inner[:1] in ("!", "^"), inner[1:] if inner[:1] in ("!", "^") else inner
    found = ""
    for name, escaped, plain in _MEMBER.findall(inner):
        if name:
            found += _CLASSES.get(name, "")
        else:
            found += "-" if plain == "-" else re.escape(escaped or plain)
    return f"[{'^' * negated}{found}]"


def _match(parts: Sequence[re.Pattern[str] | None], names: Sequence[str]) -> bool:
    """Whether folders and name fit, each `**` standing for any number of them; one at the end for at least one."""
    at = {0}
    for number, part in enumerate(parts):
        if part is None:
            is_last = number == len(parts) - 1
            at = set(range(min(at) + is_last, len(names) + 1)) if at else at
        else:
            at = {n + 1 for n in at if n < len(names) and part.fullmatch(names[n])}
        if not at:
            return False
    return len(names) in at
