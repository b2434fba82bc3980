"""What programs that Pilotage starts see of its environment: where programs are and how to write, none of its secrets.

Whoever needs more names it in the configuration: `environment` gives values, or references to secrets that are
resolved when the program starts and are written nowhere; `pass_env` hands variables on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed, resolve

_ALWAYS = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR")
_LOCALE = "LC_"
_SECRET = "secret://"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """given: by name, plain or `secret://…` · passed: names of variables handed on where they are set."""

    given: Mapping[str, str] = field(default_factory=dict)
    passed: Iterable[str] = ()

    def resolved(self) -> dict[str, str]:
        """The whole environment of a program. Raises AdapterError, which names a reference and nothing of its value."""
        return {**inherited(), **self.named()}

    def without_secrets(self, text: str) -> str:
        """What a program with this environment said, for people and records: no value of a reference is in it."""
        values = []
        for name in secret_names(self.given):
            with contextlib.suppress(AdapterError):
                values.append(resolve(self.given[name]).reveal())
        return concealed(text, values)

    def named(self) -> dict[str, str]:
        """What the configuration names, secrets resolved. Raises AdapterError."""
        handed_on = {name: os.environ[name] for name in self.passed if name in os.environ}
        return handed_on | {
            name: resolve(value).reveal() if value.startswith(_SECRET) else value for name, value in self.given.items()
        }


def secret_names(given: Mapping[str, str]) -> frozenset[str]:
    """Which of the variables are references to secrets."""
    return frozenset(name for name, value in given.items() if value.startswith(_SECRET))


def inherited() -> dict[str, str]:
    """What every program gets."""
    return {name: value for name, value in os.environ.items() if name in _ALWAYS or name.startswith(_LOCALE)}
