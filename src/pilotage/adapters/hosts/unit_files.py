"""The text of a systemd unit and of its file of variables (systemd.service(5), systemd.exec(5), systemd.syntax(7))."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.hosts.hosted_program import HostedProgram
from pilotage.adapters.hosts.runner import Wanted

_LIMITS = {"open_files": "LimitNOFILE", "memory": "LimitAS", "processes": "LimitNPROC", "core": "LimitCORE"}
_FACTS = "pilotage"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "%": "%%"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an instance's files are on its host. base: the service's folder · unit: the name of its unit ·
    user_manager: whether the manager is that of the user who logs in."""

    base: str
    unit: str
    user_manager: bool

    @property
    def file(self) -> str:
        return f"{self.base}/units/{self.unit}"

    @property
    def variables(self) -> str:
        return f"{self.file}.env"


def unit_text(wanted: Wanted, program: HostedProgram, place: Place) -> str:
    """The unit of an instance. Its first line holds the facts by which it is found again."""
    folder = program.cwd if program.cwd.startswith("/") else f"{place.base}/{program.cwd}".rstrip("/")
    version = base64.b64encode(wanted.version.encode()).decode()
    settings = {
        "Type": "exec",
        "ExecStart": _command(program, folder),
        "WorkingDirectory": folder.replace("%", "%%"),
        "EnvironmentFile": place.variables.replace("%", "%%"),
        **({"User": program.user} if program.user and not place.user_manager else {}),
        **{_LIMITS[name]: "infinity" if value < 0 else str(value) for name, value in program.limits.items()},
        "KillSignal": f"SIG{program.stop_signal}",
        "TimeoutStopSec": f"{round(program.stop_timeout * 1000)}ms",
        # A crash is the fleet's to see and to replace.
        "Restart": "no",
        "MemoryAccounting": "yes",
        "CPUAccounting": "yes",
    }
    shown = "".join(character if character.isprintable() else "?" for character in wanted.version)
    return "\n".join([
        f"# {_FACTS} {version} {wanted.port} {wanted.number}",
        "# Written by Pilotage, which removes it when the instance is stopped.",
        "[Unit]",
        f"Description={shown.replace('%', '%%')} on port {wanted.port}, started by Pilotage",
        "After=network.target",
        "",
        "[Service]",
        *(f"{name}={value}" for name, value in settings.items()),
        "",
        "[Install]",
        f"WantedBy={'default.target' if place.user_manager else 'multi-user.target'}",
        "",
    ])  # fmt: skip


def variables_text(variables: Mapping[str, str]) -> str:
    """A file for EnvironmentFile. Within double quotes, a backslash stands before what would end or change them."""

    def quoted(value: str) -> str:
        return "".join(f"\\{character}" if character in '\\"`$' else character for character in value)

    return "".join(f'{name}="{quoted(value)}"\n' for name, value in variables.items())


def _command(program: HostedProgram, folder: str) -> str:
    """Nothing is filled in by systemd: `:` switches variables off, and every percent sign is doubled."""
    name, *rest = program.command
    if "/" not in name and "PATH" in program.environment.given:
        return _words(":/usr/bin/env", name, *rest)
    if "/" in name and not name.startswith("/"):
        name = f"{folder}/{name.removeprefix('./')}"
    return _words(f":{name}", *rest)


def _words(*words: str) -> str:
    return " ".join(_word(word) for word in words)


def _word(text: str) -> str:
    escaped = (
        _ESCAPES.get(character)
        or (character if character >= " " and character != "\x7f" else f"\\x{ord(character):02x}")
        for character in text
    )
    return f'"{"".join(escaped)}"'


def facts_of(fields: Sequence[str]) -> tuple[str, int, int]:
    """Version, port and number from the first line of a unit. Raises ValueError."""
    version, port, number = fields
    return base64.b64decode(version).decode(errors="replace"), int(port), int(number)
