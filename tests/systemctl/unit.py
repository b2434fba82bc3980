"""Reads units as systemd does (systemd.syntax(7)), and refuses settings that Pilotage does not write."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

STATE = Path(os.environ.get("PILOTAGE_TEST_HOST", "/nowhere")) / "systemd"
"""Links of units, their states and the journal."""

_KNOWN = {
    "Unit": {"Description", "After"},
    "Service": {
        "Type", "ExecStart", "WorkingDirectory", "EnvironmentFile", "User", "LimitNOFILE", "LimitAS", "LimitNPROC",
        "LimitCORE", "KillSignal", "TimeoutStopSec", "Restart", "MemoryAccounting", "CPUAccounting",
    },
    "Install": {"WantedBy"},
}  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "s": " "}


def refuse(why: str) -> None:
    print(why, file=sys.stderr)
    sys.exit(1)


@dataclass(frozen=True)
class Unit:
    name: str
    settings: dict[str, str]

    @property
    def command(self) -> list[str]:
        words = split(self.settings["ExecStart"])
        if not words[0].startswith(":"):
            refuse("variables of the command would be filled in")
        return [words[0][1:], *words[1:]]

    @property
    def folder(self) -> str:
        return self.settings["WorkingDirectory"].replace("%%", "%")

    @property
    def stop_after(self) -> float:
        return float(self.settings["TimeoutStopSec"].removesuffix("ms")) / 1000

    @property
    def variables(self) -> dict[str, str]:
        """Of its EnvironmentFile, as double quotes and backslashes have it."""
        return self.parsed(Path(self.settings["EnvironmentFile"].replace("%%", "%")).read_text())

    def parsed(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        while text:
            name, _, text = text.partition('="')
            value, text = _until_quote(text)
            found[name] = value
            text = text.removeprefix("\n")
        return found


def _until_quote(text: str) -> tuple[str, str]:
    value, place = "", 0
    while text[place] != '"':
        if text[place] == "\\" and text[place + 1] in '"\\`$':
            place += 1
        value += text[place]
        place += 1
    return value, text[place + 1 :]


def split(text: str) -> list[str]:
    """Words in double quotes, with C escapes and doubled percent signs."""
    words, place = [], 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        assert text[place] == '"', f"not quoted: {text[place:]}"
        word, place = "", place + 1
        while text[place] != '"':
            if text[place] == "\\" and text[place + 1] == "x":
                word += chr(int(text[place + 2 : place + 4], 16))
                place += 4
            elif text[place] == "\\":
                word += _ESCAPES[text[place + 1]]
                place += 2
            elif text[place] == "%":
                assert text[place + 1] == "%", "a specifier"
                word += "%"
                place += 2
            else:
                word += text[place]
                place += 1
        words.append(word)
        place += 1
    return words


def load(name: str) -> Unit:
    """The unit of a linked file."""
    link = STATE / "links" / name
    if not link.is_symlink():
        refuse(f"Unit {name} could not be found.")
    settings: dict[str, str] = {}
    section = ""
    for row in link.read_text().split("\n"):
        if not row or row.startswith("#"):
            continue
        if row.startswith("["):
            section = row.strip("[]")
            continue
        key, _, value = row.partition("=")
        if key not in _KNOWN.get(section, ()):
            refuse(f"Unknown key name {key!r} in section {section!r}")
        settings[key] = value
    return Unit(name, settings)
