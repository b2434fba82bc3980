"""One attempt of a run stage, from its checkout to its evidence."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters.environment import inherited
from pilotage.adapters.files import private_folder
from pilotage.adapters.foreground import follow
from pilotage.adapters.marks import own_mark
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.built import needs_artifacts
from pilotage.adapters.stages.checkout import check_out, remove_tree
from pilotage.adapters.stages.descendants import end_descendants
from pilotage.adapters.stages.found_files import Found, files_of, images_of
from pilotage.adapters.stages.junit_counts import Counts, counts_of
from pilotage.adapters.stages.stage_log import StageLog
from pilotage.model.way import Artifact, Evidence, Provenance

_SHOWN = 400
"""Characters of a command's output in a sentence."""
_LINES = 3
_NOT_OURS = ("HOME", "TMPDIR")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to do. repository: the project's folder · work: of this attempt, removed afterwards · results: of this
    attempt, kept · store: of artifacts · facts: `url` of the environment that it tests · given: the release's artifacts
    so far · secret: names of the variables that nobody may read · fills: names of those with placeholders · unreadable:
    why it cannot run · keeps: whether a failed checkout stays for study."""

    stage: str
    attempt: int
    version: str
    commit: str
    repository: str
    work: str
    results: str
    log: str
    store: str
    commands: tuple[tuple[str, ...], ...]
    timeout: float
    facts: Mapping[str, str] = field(default_factory=dict)
    given: tuple[Artifact, ...] = ()
    artifacts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    provenance: Provenance | None = None
    secret: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    unreadable: str = ""
    keeps: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    passed: bool
    detail: str
    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Attempt:
    """given: variables of the commands, with their secrets."""

    def __init__(self, asked: Asked, given: Mapping[str, str]) -> None:
        self._asked, self._given = asked, given
        self._until = time.monotonic() + asked.timeout
        self._work, self._checkout = Path(asked.work), Path(asked.work) / "source"
        self._store = ArtifactStore(Path(asked.store))
        self._log = StageLog(Path(asked.log), [given[name] for name in asked.secret if name in given])
        self._last = ""
        self._evidence: list[Evidence] = []

    def run(self) -> Outcome:
        """Raises AdapterError and OSError with what failed."""
        asked = self._asked
        if asked.unreadable:
            raise AdapterError(asked.unreadable)
        remove_tree(self._work)
        private_folder(self._work)
        folder = check_out(Path(asked.repository), asked.commit, self._checkout)
        facts = self._facts()
        self._commands(folder, facts)
        self._reported(folder)
        artifacts = self._collected(folder)
        self._proven(folder, artifacts)
        self._log.close()
        return Outcome(passed=True, detail=self._last, artifacts=artifacts, evidence=(*self._evidence, *self._logged()))

    def failed(self, why: str) -> Outcome:
        self._say(why)
        self._log.close()
        detail = self._log.concealed(os.fsencode(why)).decode(errors="replace")
        return Outcome(passed=False, detail=detail, evidence=(*self._evidence, *self._logged()))

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────

    def _facts(self) -> dict[str, str]:
        """Values of the placeholders. The release's artifacts are copied, so that no command can change the store."""
        asked = self._asked
        facts = {"version": asked.version, "commit": asked.commit, "url": asked.facts.get("url", "")}
        files = [one for one in asked.given if not one.image]
        place = self._work / "artifacts"
        for one in files:
            source = self._store.blobs.verified(one.digest, one.name)
            private_folder((place / one.name).parent)
            shutil.copy(source, place / one.name)
        if files:
            facts["artifacts"] = str(place)
        images = [f"{one.name.partition('@')[0]}@sha256:{one.digest}" for one in asked.given if one.image]
        single = [str(place / one.name) for one in files] or images
        if len(single) == 1:
            facts["artifact"] = single[0]
        missing = {"artifact", "artifacts"} - facts.keys()
        for command in asked.commands:
            for name in missing:
                if needs_artifacts(part for part in command if f"{{{name}}}" in part):
                    raise AdapterError(
                        f"{command[0]} needs {{{name}}}, and the stages before have built {len(single)} of them"
                    )
        return facts

    def _commands(self, folder: Path, facts: Mapping[str, str]) -> None:
        environment = self._environment(facts)
        for command in self._asked.commands:
            filled_in = [filled(part, facts) for part in command]
            self._say(f"$ {' '.join(filled_in)}")
            self._log.last_lines(0)
            ended = follow(filled_in, environment, folder, max(0.0, self._until - time.monotonic()), self._log.write)
            end_descendants()
            self._log.flush()
            said = self._log.last_lines(_LINES)
            self._last = said[-1][-_SHOWN:] if said else ""
            shown = " / ".join(line for line in said if line.strip())[-_SHOWN:]
            if ended.status is None:
                raise AdapterError(
                    f"{command[0]} timed out: the stage has {self._asked.timeout:g} s. Its output: {shown}"
                )
            if ended.status != 0:
                what = f"was killed by signal {-ended.status}" if ended.status < 0 else f"exited with {ended.status}"
                raise AdapterError(f"{command[0]} {what}: {shown}" if shown else f"{command[0]} {what}")

    def _environment(self, facts: Mapping[str, str]) -> dict[str, str]:
        """Only what every program needs, what the configuration names, and the facts."""
        homes = {"HOME": self._work / "home", "TMPDIR": self._work / "tmp"}
        for place in homes.values():
            private_folder(place)
        usual = {name: value for name, value in inherited().items() if name not in _NOT_OURS}
        told = {**facts, "stage": self._asked.stage, "attempt": str(self._asked.attempt)}
        named = {f"PILOTAGE_{name.upper()}": value for name, value in told.items() if value}
        fills = self._asked.fills
        given = {name: filled(value, facts) if name in fills else value for name, value in self._given.items()}
        own = {name: str(place) for name, place in homes.items()}
        return {**usual, **own, "CI": "true", **named, **given, **own_mark()}

    # ── what they leave ────────────────────────────────────────────────────────────────────────────────────

    def _reported(self, folder: Path) -> None:
        if not self._asked.reports:
            return
        total = Counts()
        for file in files_of(self._checkout, folder, self._asked.reports, "report"):
            counts = counts_of(file.place, file.name)
            total += counts
            self._evidence.append(self._kept(file, "report", counts.words))
        if total.failed:
            raise AdapterError(f"the reports count failures although the commands passed: {total.words}")
        if total.tests == total.skipped:
            raise AdapterError(f"the reports show no test that ran: {total.words}")

    def _collected(self, folder: Path) -> tuple[Artifact, ...]:
        found = []
        for file in files_of(self._checkout, folder, self._asked.artifacts, "artifact"):
            with file.open() as opened:
                runs = bool(os.fstat(opened.fileno()).st_mode & 0o111)
                digest, size = self._store.blobs.add(opened, runs=runs)
            found.append(Artifact(name=file.name, digest=digest, size=size))
        return (*found, *images_of(self._checkout, folder, self._asked.images))

    def _proven(self, folder: Path, artifacts: tuple[Artifact, ...]) -> None:
        wanted = self._asked.provenance
        if wanted is None:
            return
        from pilotage.adapters.stages.provenance import fetched, proven

        asked = self._asked
        places = {"version": asked.version, "commit": asked.commit}
        patterns = [filled(pattern, places) for pattern in wanted.files]
        if "://" in patterns[0]:
            said = [(patterns[0], fetched(patterns[0], self._work))]
        else:
            files = files_of(self._checkout, folder, patterns, "statement of provenance")
            self._evidence += [self._kept(file, "provenance", "") for file in files]
            said = [(file.name, file.place) for file in files]
        about = [
            (one, None if one.image else self._store.blobs.verified(one.digest, one.name))
            for one in artifacts or asked.given
        ]
        self._evidence += proven(wanted, said, about, asked.commit, Path(asked.repository))

    def _kept(self, file: Found, kind: str, sentence: str) -> Evidence:
        """A copy that stays, by its digest."""
        with file.open() as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            opened.seek(0)
            name = os.fsencode(Path(file.name).name)[-100:].decode(errors="ignore")
            place = Path(self._asked.results) / f"{digest[:16]}-{name}"
            private_folder(place.parent)
            with place.open("wb") as copy:
                shutil.copyfileobj(opened, copy)
        return Evidence(kind=kind, where=str(place), sentence=sentence or file.name, digest=digest)

    def _logged(self) -> tuple[Evidence, ...]:
        log = Path(self._asked.log)
        try:
            with log.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ()
        return (Evidence(kind="log", where=str(log), digest=digest),)

    def _say(self, what: str) -> None:
        self._log.write(f"{what}\n".encode(errors="replace"))
