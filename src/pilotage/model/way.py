"""The way of a release: the stages that one version travels, from its commit to its users (R10, R33). Frozen data.

A way is made from `way:` of `pilotage.yaml` when a release begins, and never looks there again. `way.machine` decides
what happens next from a `Way`, its `WayState` and what was observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.model.json import JsonObject


class Begins(StrEnum):
    """What begins a stage once the stages before it have passed."""

    BY_ITSELF = "automatic"
    BY_A_PERSON = "manual"
    """Somebody promotes the release to it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What must hold before a stage begins, in this order; the release waits until it does.

    baked: seconds for which the environments of the stages before have been complete and unharmed · begins: by itself,
    or by a person · approvals: how many persons have to approve, author excluded · roles: whose approvals count; empty
    for anybody who may approve · ready: the environment's readiness gates are open · window: a release window of the
    calendar is open · timeout: seconds that all this may take, then the way has failed; 0 for no limit.
    """

    baked: float = 0.0
    begins: Begins = Begins.BY_ITSELF
    approvals: int = 0
    roles: tuple[str, ...] = ()
    ready: bool = False
    window: bool = False
    timeout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Signed statements about how the artifacts were built, verified before a stage passes.

    files: globs in the checkout, or one address that may hold `{version}` and `{commit}` · key: file of a public key in
    PEM, from the project's folder; empty for keyless signatures · identity, issuer: of keyless signatures: the
    certificate's name and who vouched for it · trusted_root: file of a Sigstore trusted root, from the project's folder
    · builder: the builder's id that a statement must have; empty for a bare signature of the artifact · source: the
    repository's address that it must name; empty for any, its commit is always compared.
    """

    files: tuple[str, ...]
    key: str = ""
    identity: str = ""
    issuer: str = ""
    trusted_root: str = ""
    builder: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class RunStage:
    """Commands in a clean checkout of the released commit.

    commands: argument lists, one after the other; placeholders `{version}`, `{commit}`, `{artifact}`, `{artifacts}`,
    `{url}` (of the environment in `tests`) · artifacts: globs of the files that they make, relative to the checkout;
    those of the first stage that names some are the release's artifacts · timeout: seconds of one attempt · retries:
    further attempts after one that failed · repeatable: it may run again after it was cut off · env, pass_env: as of
    checks, secrets as references · tests: the environment that it tests, which is undone if it fails; empty for none ·
    images: files that name an image each by its digest, such as those of `--iidfile` and `--metadata-file` · reports:
    globs of JUnit XML · provenance: what must be proven of the artifacts.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    artifacts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    provenance: Provenance | None = None
    timeout: float = 3600.0
    retries: int = 0
    repeatable: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    tests: str = ""
    entry: Entry = field(default_factory=Entry)
    title: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class AwaitStage:
    """The word of another system about the released commit. section: of its adapter, as configured: its `kind` is
    github, gitlab or http · timeout: seconds until no word has come · provenance: what must be proven of the release's
    artifacts, too."""

    name: str
    section: JsonObject
    provenance: Provenance | None = None
    timeout: float = 3600.0
    tests: str = ""
    entry: Entry = field(default_factory=Entry)
    title: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentStage:
    """Rollouts to one or several environments, which are waves of places.

    environments: in order · at_most: so many of them at once · apart: sets of which never two are under way together ·
    bake: seconds between the end of one and the start of those that follow it · undo_all: a failed one takes back those
    that were complete, too; else only itself.
    """

    name: str
    environments: tuple[str, ...]
    at_most: int = 1
    apart: tuple[tuple[str, ...], ...] = ()
    bake: float = 0.0
    undo_all: bool = False
    entry: Entry = field(default_factory=Entry)
    title: str = ""
    source: str = ""


WayStage = RunStage | AwaitStage | EnvironmentStage


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a way built once, by which it is known ever after. name: its path in the checkout · digest: SHA-256,
    hexadecimal · size: bytes. An image has its reference as its name, its digest without `sha256:`, and no size."""

    name: str
    digest: str
    size: int = 0
    image: bool = False


@dataclass(frozen=True, kw_only=True)
class Way:
    """What a release travels.

    id: of the way · commit: full SHA-1 or SHA-256 of git; empty where the stages need none · tree: of the commit, git's
    id of all its files · author: who started it · stages: those whose `when` holds for these answers, in order ·
    left_out: the names of the others, each with why.
    """

    id: str
    service: str
    version: str
    commit: str
    author: str
    stages: tuple[WayStage, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    tree: str = ""

    def stage(self, name: str) -> WayStage:
        """KeyError where there is none of that name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)


class StageStatus(StrEnum):
    WAITING = "waiting"
    """For the stages before it, or for what its entry wants."""
    RUNNING = "running"
    CUT_OFF = "cut-off"
    """It was running, and nobody knows how far it came: a person decides whether it runs again."""
    PASSED = "passed"
    CARRIED = "carried"
    """It passed in an earlier way, from the same commit's files and the same definition."""
    FAILED = "failed"

    @property
    def good(self) -> bool:
        return self in (StageStatus.PASSED, StageStatus.CARRIED)


class WayStatus(StrEnum):
    UNDER_WAY = "under way"
    HELD = "held"
    """By a person; what runs goes on, nothing begins."""
    FAILING = "failing"
    """A stage failed; what it touched is being undone."""
    FAILED = "failed"
    ABORTED = "aborted"
    COMPLETED = "completed"

    @property
    def final(self) -> bool:
        return self in (WayStatus.FAILED, WayStatus.ABORTED, WayStatus.COMPLETED)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Something that shows what a stage did. kind: `log`, `report`, `check`, `provenance`, `signature`, `rollout` ·
    where: a path, a URL or an id · digest: SHA-256 of what it is, empty where it is no file."""

    kind: str
    where: str
    sentence: str = ""
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class StageState:
    """How far a stage is. attempt: 1 for the first · began, ended: Unix seconds, 0 before · detail: a sentence ·
    fingerprint: of its definition and the files that it saw; stages of other ways with the same one need not run ·
    approved: persons, by name · promoted: who began it, where a person does · rollouts: ids, by environment · after: of
    each environment that was begun, the id of the rollout that was its newest then, so that the next one of the version
    is known as this way's; empty where there was none · failures, cut_offs: of its attempts · waiting: what its entry
    or its next rollout waits for, in a word, empty for nothing · carried_from: the id of the way in which it
    passed."""

    status: StageStatus = StageStatus.WAITING
    attempt: int = 1
    entered: float = 0.0
    """Unix seconds since when it waits for its entry; 0 before the stages before it have passed."""
    began: float = 0.0
    ended: float = 0.0
    detail: str = ""
    fingerprint: str = ""
    approved: tuple[str, ...] = ()
    promoted: str = ""
    rollouts: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    tried: float = 0.0
    """Unix seconds of the start of the current attempt."""
    failures: int = 0
    cut_offs: int = 0
    waiting: str = ""
    evidence: tuple[Evidence, ...] = ()
    carried_from: str = ""


@dataclass(frozen=True, kw_only=True)
class WayState:
    """stages: one for each stage of the way, in order · artifacts: what was built, once a stage has made it ·
    reason: why it is held, failed or was aborted · failing: of a way that ends badly, Unix seconds since when ·
    undoing: environments that return to what they served before · aborted: a person ended it · left: what could not be
    undone, in sentences."""

    stages: tuple[StageState, ...]
    status: WayStatus = WayStatus.UNDER_WAY
    artifacts: tuple[Artifact, ...] = ()
    reason: str = ""
    failing: float = 0.0
    undoing: tuple[str, ...] = ()
    aborted: bool = False
    left: tuple[str, ...] = ()

    @property
    def current(self) -> int | None:
        """The place of the first stage that has not passed; None where all have."""
        return next((n for n, stage in enumerate(self.stages) if not stage.status.good), None)
