"""What programs that Pilotage starts see of its environment: where programs are and how to write, none of its secrets.

Whoever needs more names it in the configuration: `environment` gives values, or references to secrets that are
resolved when the program starts and are written nowhere; `pass_env` hands variables on; `env_file` names files of
variables, which are read when the program starts.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters.env_files import read_env_file, secrets_in
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed, resolve

_ALWAYS = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR")
_LOCALE = "LC_"
_SECRET = "secret://"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """given: by name, plain or `secret://…` · passed: names of variables handed on where they are set · files: of more
    variables; a later one counts before an earlier one, and `given` before both."""

    given: Mapping[str, str] = field(default_factory=dict)
    passed: Iterable[str] = ()
    files: tuple[Path, ...] = ()

    def resolved(self) -> dict[str, str]:
        """The whole environment of a program. Raises AdapterError, which names a reference and nothing of its value."""
        return {**inherited(), **self.named()}

    def without_secrets(self, text: str) -> str:
        """What a program with this environment said, for people and records: no value of a reference is in it."""
        return concealed(text, self.secrets())

    def secrets(self) -> Iterator[str]:
        """The values that nobody may read; those that cannot be had now are left out."""
        for name in secret_names(self.given):
            with contextlib.suppress(AdapterError):
                yield resolve(self.given[name]).reveal()
        for file in self.files:
            with contextlib.suppress(AdapterError):
                yield from secrets_in(read_env_file(file))

    def named(self) -> dict[str, str]:
        """What the configuration names, secrets resolved. Raises AdapterError."""
        handed_on = {name: os.environ[name] for name in self.passed if name in os.environ}
        for file in self.files:
            handed_on |= read_env_file(file)
        return handed_on | {
            name: resolve(value).reveal() if value.startswith(_SECRET) else value for name, value in self.given.items()
        }


def secret_names(given: Mapping[str, str]) -> frozenset[str]:
    """Which of the variables are references to secrets."""
    return frozenset(name for name, value in given.items() if value.startswith(_SECRET))


def inherited() -> dict[str, str]:
    """What every program gets."""
    return {name: value for name, value in os.environ.items() if name in _ALWAYS or name.startswith(_LOCALE)}
