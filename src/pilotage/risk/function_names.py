"""What a reader calls a function: with the class that it belongs to, which the parser names in some languages only."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CLASS = re.compile(r"(?:class|struct|module|object|trait|interface|extension|enum|actor)\s+([A-Za-z_$][\w$]{0,99})")
_NO_CODE = ("#", "//", "*", "/*", '"', "'", "--", "%")
_LONGEST = 300
"""Characters of a line in which a class may be declared."""
_WITH_COLONS = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".m", ".mm", ".rs", ".php", ".rb", ".pl", ".pm")
_NAMELESS = re.compile(r"\(anonymous\)|anonymous__\d+|")


def owners_of(lines: Sequence[str]) -> list[str]:
    """For each line, the innermost class that is declared above it with a smaller indentation; empty outside one."""
    open_, found = list[tuple[int, str]](), list[str]()
    for text in lines:
        code = text[:_LONGEST].expandtabs(4)
        bare = code.lstrip()
        if bare:
            indent = len(code) - len(bare)
            while open_ and open_[-1][0] >= indent:
                open_.pop()
        found.append(open_[-1][1] if open_ else "")
        if not bare.startswith(_NO_CODE) and (declared := _CLASS.search(bare)):
            open_.append((len(code) - len(bare), declared[1]))
    return found


def called(name: str, owner: str) -> str:
    """The parser's name with its class. It writes the methods of some languages as C++ does, with their class."""
    return name if not owner or "::" in name or _NAMELESS.fullmatch(name) else f"{owner}::{name}"


def in_words(name: str, line: int, path: str) -> str:
    """line, path: where it begins, for what has no name and for how the language joins class and method."""
    owner, _, method = name.rpartition("::")
    if _NAMELESS.fullmatch(name):
        return f"the function without a name in line {line}"
    if _NAMELESS.fullmatch(owner.rpartition("::")[2]) and owner:
        return f"`{method}` of the class without a name in line {line}"
    if path.endswith(".rb") and owner:
        return f"`{owner}#{method}`"
    return f"`{name if path.endswith(_WITH_COLONS) else name.replace('::', '.')}`"
