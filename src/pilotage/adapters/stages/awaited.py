"""Opens what asks another system, and lets it pass no artifact whose provenance is not proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter, ValidationError

from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.adapters.stages.asking import System
from pilotage.adapters.stages.blobs import Blobs
from pilotage.adapters.stages.github_word import GitHubWord
from pilotage.adapters.stages.gitlab_word import GitLabWord
from pilotage.adapters.stages.http_word import HttpWord
from pilotage.adapters.stages.ports import Awaited, Word, WordStatus
from pilotage.adapters.stages.provenance import Unproven, fetched, proven
from pilotage.config.awaited import GitHubWordSection, GitLabWordSection, HttpWordSection, WordSection
from pilotage.model.json import JsonObject
from pilotage.model.way import Artifact, Provenance

_AGENT = {"User-Agent": "pilotage"}
_SECTION: TypeAdapter[GitHubWordSection | GitLabWordSection | HttpWordSection] = TypeAdapter(WordSection)


def opened(
    section: JsonObject,
    *,
    provenance: Provenance | None,
    folder: Path,
    artifacts: Path,
    secrets: Callable[[str], Secret],
) -> Awaited:
    found = _opened(section, secrets)
    return _Proven(found, provenance, folder, artifacts) if provenance is not None else found


def _opened(section: JsonObject, secrets: Callable[[str], Secret]) -> Awaited:
    try:
        read = _SECTION.validate_python(dict(section))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise AdapterError(f"this Pilotage cannot read the await stage: {where}: {first['msg']}") from None
    match read:
        case GitHubWordSection():
            headers = {
                **_AGENT, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28",
            }  # fmt: skip
            hidden = {"Authorization": f"Bearer {read.token}"} if read.token else {}
            return GitHubWord(read, _system(read.url or "GitHub", headers, hidden, secrets))
        case GitLabWordSection():
            hidden = {"PRIVATE-TOKEN": read.token} if read.token else {}
            headers = {**_AGENT, "Accept": "application/json"}
            return GitLabWord(read, _system(read.url or "GitLab", headers, hidden, secrets))
        case HttpWordSection():
            headers = {**_AGENT, "Accept": "application/json"}
            return HttpWord(read, _system(read.url, headers, read.headers, secrets, read.timeout))


def _system(
    name: str, headers: Mapping[str, str], hidden: Mapping[str, str], secrets: Callable[[str], Secret],
    waits: float = 10.0,
) -> System:  # fmt: skip
    return System(name=name, headers=headers, hidden=hidden, secrets=secrets, waits=waits)


class _Proven:
    """The word of a system counts only with proven provenance of the release's artifacts."""

    def __init__(self, awaited: Awaited, wanted: Provenance, folder: Path, artifacts: Path) -> None:
        self._awaited, self._wanted, self._folder = awaited, wanted, folder
        self._blobs = Blobs(artifacts)

    def ask(self, commit: str, version: str, artifacts: Sequence[Artifact] = ()) -> Word:
        word = self._awaited.ask(commit, version, artifacts)
        if word.status is not WordStatus.PASSED:
            return word
        url = filled(self._wanted.files[0], {"version": version, "commit": commit})
        with TemporaryDirectory(prefix="pilotage-") as place:
            file = fetched(url, Path(place))
            about = [(one, None if one.image else self._blobs.verified(one.digest, one.name)) for one in artifacts]
            try:
                evidence = proven(self._wanted, [(url, file)], about, commit, self._folder)
            except Unproven as error:
                return Word(status=WordStatus.FAILED, detail=str(error), evidence=word.evidence)
        return replace(word, evidence=(*word.evidence, *evidence))
