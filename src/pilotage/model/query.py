"""A query of a rule or a signal, and which of an environment's metrics systems answers it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.errors import Invalid

_HARMLESS = re.compile(r"""[^'"`\\;,{}\r\n]*""")
"""What ends a string in no query language."""


class UnfitVersion(Invalid):
    """A version's name cannot be put into a query."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """text: with `{version}` · source: its name under `analysis.sources`; empty for the system that has no name."""

    text: str
    source: str = ""


def check_names(names: Mapping[str, str]) -> None:
    """Raises UnfitVersion for the name of a version that could end the string in which a query has it. names: by
    placeholder."""
    for name in names.values():
        if not _HARMLESS.fullmatch(name):
            raise UnfitVersion(
                f"the version {name!r} cannot be put into a query: it contains a quote, a comma, a brace, a "
                "semicolon or a backslash"
            )
