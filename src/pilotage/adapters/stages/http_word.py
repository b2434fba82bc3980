"""What any system says in JSON of a commit or a version."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from pilotage.adapters.placeholders import filled
from pilotage.adapters.stages.asking import System
from pilotage.adapters.stages.ports import Word, WordStatus
from pilotage.config.awaited import HttpWordSection
from pilotage.model.json import Json
from pilotage.model.json_path import JsonPath
from pilotage.model.text import line
from pilotage.model.way import Artifact, Evidence

_SHOWN = 200


class HttpWord:
    """The Awaited port."""

    def __init__(self, section: HttpWordSection, system: System) -> None:
        self._section, self._system = section, system
        self._path = JsonPath(section.path)
        self._shows = JsonPath(section.shows) if section.shows else None

    def ask(self, commit: str, version: str, artifacts: Sequence[Artifact] = ()) -> Word:  # noqa: ARG002
        places = {"commit": quote(commit, safe=""), "version": quote(version, safe="")}
        url = filled(self._section.url, places)
        answer = self._system.ask(url, absent=(404,))
        found = self._path.all_in(answer) if answer is not None else ()
        evidence = (Evidence(kind="check", where=url),)
        said = self._sentence(answer)
        if not [one for one in found if one is not None]:
            missing = f"{url} says nothing of it"
            status = WordStatus.FAILED if self._section.absent == "failed" else WordStatus.PENDING
            return Word(status=status, detail=said or missing, evidence=evidence)
        shown = line(", ".join(sorted({str(one) for one in found})), _SHOWN)
        detail = f"{url} says {shown}{f': {said}' if said else ''}"
        if any(_is_one_of(one, self._section.fails) for one in found):
            return Word(status=WordStatus.FAILED, detail=detail, evidence=evidence)
        passed = all(_is_one_of(one, self._section.passes) for one in found)
        return Word(status=WordStatus.PASSED if passed else WordStatus.PENDING, detail=detail, evidence=evidence)

    def _sentence(self, answer: Json) -> str:
        found = self._shows.first_in(answer) if self._shows is not None else None
        return line(found, _SHOWN) if isinstance(found, str) else ""


def _is_one_of(found: Json, values: Sequence[str | float | bool]) -> bool:
    """true is not 1, and "1" is not 1."""
    return any(found == value and isinstance(found, bool) == isinstance(value, bool) for value in values)
