"""Reads a repository through the `git` command: changes with their patches, contents, the year before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path

from pilotage.adapters import git_history
from pilotage.adapters.git_alone import PATIENCE, UNARMED, Objects, quiet
from pilotage.adapters.git_contents import Contents
from pilotage.adapters.git_failures import failure
from pilotage.adapters.git_messages import BEGIN, END, MARK, said
from pilotage.adapters.git_tags import names_of
from pilotage.adapters.git_time import moment
from pilotage.adapters.ports import AdapterError
from pilotage.model.change import Change
from pilotage.model.commit import Commit, ReviewedCommit
from pilotage.model.path_pattern import WHOLE_REPOSITORY, Scope
from pilotage.model.text import clean

_SETTINGS = (
    *UNARMED, "core.quotepath=off", "log.showSignature=false", "log.showRoot=true", "i18n.logOutputEncoding=UTF-8",
    "diff.submodule=short", "diff.ignoreSubmodules=none", "diff.interHunkContext=0", "diff.algorithm=myers",
    "diff.relative=false", "mailmap.file=", "core.bigFileThreshold=4m",
)  # fmt: skip
"""What is read must not hang on how someone likes their git."""

_MOST_OF_MAILMAP = 300_000
"""Bytes; the one of Linux has 50,000."""

_UNSHALLOW = "fetch the history with `git fetch --unshallow`"


def repository_around(folder: Path) -> Git | None:
    """The repository that the folder is in, None when it is in none. Raises AdapterError where git refuses it."""
    place = folder.resolve()
    if not any((above / ".git").exists() for above in (place, *place.parents)):
        return None
    found = Git(folder)
    found.run("rev-parse", "--git-dir")
    return found


class Git:
    """A repository, bare or with a work tree. Raises AdapterError with git's own words. scope: the service that is
    meant; its changes, and the tags of its versions, are then all that is looked at. newest: the commit whose
    `.mailmap` says who is who."""

    def __init__(self, path: Path, scope: Scope = WHOLE_REPOSITORY, newest: str = "HEAD") -> None:
        self.path, self.scope, self._newest = path, scope, newest
        self.unread: dict[str, str] = {}
        """What was too large to be read, by path, and what is unknown therefore."""
        self._base = ["git", *(part for setting in _SETTINGS for part in ("-c", setting)), "-C", str(path)]

    def command(self, *arguments: str) -> list[str]:
        """The words of `git …`, as a process takes them."""
        return [*self._base, *arguments]

    @cached_property
    def objects(self) -> Mapping[str, str]:
        """The environment in which git sees nothing but objects: no name is known then but ids of commits."""
        asked = ("--path-format=absolute", "--git-path", "objects", "--git-path", "shallow", "--show-object-format")
        folder, shallow, kind = self.run("rev-parse", *asked).splitlines()[:3]
        return Objects(folder=folder, shallow=shallow, kind=kind).environment()

    @cached_property
    def people(self) -> str:
        """The setting that joins names of people as the repository's `.mailmap` does; one of megabytes is left out."""
        said = self.run(
            "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", given=f"{self._newest}:.mailmap\n"
        )
        blob, kind, size = [*said.split(), "", "", ""][:3]
        known = kind == "blob" and int(size) <= _MOST_OF_MAILMAP
        if kind == "blob" and not known:
            self.unread[".mailmap"] = f"more than {_MOST_OF_MAILMAP // 1000} kB, so people may have several names"
        return f"mailmap.blob={blob if known else ''}"

    def run(self, *arguments: str, given: str | None = None, fine: Sequence[int] = (0,)) -> str:
        """Standard output of `git …`, decoded leniently. given: its standard input · fine: exit statuses that are no
        failure."""
        return self._said(self.command(*arguments), arguments[0], quiet(), given, fine)

    def read(self, *arguments: str, given: str | None = None) -> str:
        """As `run`, with nothing but objects: what is said hangs on no clone. Commits are named by their ids."""
        return self._said(self.command("-c", self.people, *arguments), arguments[0], self.objects, given, (0,))

    def _said(
        self, command: Sequence[str], name: str, environment: Mapping[str, str], given: str | None, fine: Sequence[int]
    ) -> str:
        if any("\0" in word for word in command):
            raise AdapterError(f"git {name} takes no NUL character")
        try:
            done = subprocess.run(
                command, input=None if given is None else given.encode(), capture_output=True, check=False,
                env=environment, timeout=PATIENCE,
            )  # fmt: skip
        except FileNotFoundError:
            raise AdapterError("git is not on PATH: install it") from None
        except subprocess.TimeoutExpired:
            raise AdapterError(f"git {name} took more than {PATIENCE:g} s") from None
        if done.returncode not in fine:
            raise failure(self.path, name, done.stderr, done.returncode)
        return done.stdout.decode(errors="replace")

    def commit(self, name: str) -> str:
        """The full id of the commit that `name` means. Raises AdapterError if there is none."""
        if name.startswith(("-", "^")):
            raise AdapterError(f"{name!r} is not the name of a commit")
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
        except AdapterError:
            self.run("rev-parse", "--git-dir")  # says so where there is no repository at all
            raise AdapterError(f"{self.path} has no commit {name!r}") from None

    def tag_of(self, version: str) -> str | None:
        """The tag of a version: `1.2.0` where there is one, else `v1.2.0`, or `web-v1.2.0` of a service with that
        prefix; None where git knows none of them. A commit or a branch of that name will do, too."""
        for name in names_of(version, self.scope.tag_prefix):
            try:
                self.commit(name)
            except AdapterError:
                continue
            return name.removeprefix("refs/tags/")
        return None

    def tag_for(self, version: str) -> str:
        """How a version is to be tagged, so that `tag_of` finds it; also a name of its own among services."""
        prefix = self.scope.tag_prefix
        return version if version.startswith(prefix) else f"{prefix}{version}"

    def common(self, one: str, other: str) -> str:
        """The commit at which two histories part; empty where they have none in common."""
        try:
            return self.run("merge-base", one, other).strip()
        except AdapterError:
            return ""

    def commits_between(self, first: str, last: str, paths: Sequence[str] = ()) -> tuple[tuple[str, float], ...]:
        """Every commit after `first` up to `last` but merges, newest first: its id, and when it was written, Unix
        seconds. A rebase sets the committer's date anew, and the author's can be ahead of its clock: the earlier one
        counts. paths: only what touches these. Raises AdapterError."""
        mine = paths or self.scope.paths.pathspecs
        lines = self.run("log", "--no-merges", "--format=%H,%at,%ct", f"{first}..{last}", "--", *mine).splitlines()
        read = (line.split(",") for line in lines)
        return tuple((identity, min(moment(written), moment(committed))) for identity, written, committed in read)

    def boundary(self) -> frozenset[str]:
        """Commits at which a shallow clone ends: what came before them is unknown. Empty in a whole one."""
        place = self.path / self.run("rev-parse", "--git-path", "shallow").strip()
        return frozenset(place.read_text().split()) if place.exists() else frozenset()

    def see_whole(self, revisions: Sequence[str], shown: str) -> None:
        """Raises AdapterError where a shallow clone ends within the revisions; shown: what they are called."""
        if (ends := self.boundary()) and ends.intersection(self.run("rev-list", *revisions, "--").split()):
            raise AdapterError(f"{self.path} is a shallow clone that ends within {shown}: {_UNSHALLOW}")

    def kept_since(self, path: str) -> float | None:
        """When the current content of the file was committed, Unix seconds; None if it has changed since, or git does
        not track it. Raises AdapterError if that cannot be known."""
        literal = f":(literal){path}"
        if self.run("status", "--porcelain", "--ignored", "--", literal):
            return None
        said = self.run("log", "-1", "--format=%H,%ct", "--", literal).strip().split(",")
        if not said[0]:
            return None
        if said[0] in self.boundary():
            raise AdapterError(f"{path} is in git, but this clone is too shallow to date it: {_UNSHALLOW}")
        return moment(said[1])

    def as_of(self, newest: str) -> Git:
        """The same, where people are who that commit says they are."""
        return Git(self.path, self.scope, newest)

    def changes(self, revisions: Sequence[str], *options: str, within: Sequence[str] = ()) -> Iterator[Change]:
        """Changes with their patches, oldest first, along first parents. A merged branch is one change, by the author
        of its last commit. revisions: as `git log` takes them · within: the range of which these are a part, whose
        attributes count; they themselves where left out."""
        return git_history.changes(self, revisions, options, within)

    def names(self, revisions: Sequence[str], *options: str) -> Iterator[Change]:
        """Changes with the names of their files alone: no lines, much quicker. Oldest first."""
        return git_history.names(self, revisions, options)

    def year_before(self, commit: str, seconds: float) -> Iterator[Change]:
        """Changes up to a commit, with the names of their files, that landed so shortly before it. Oldest first."""
        return git_history.year_before(self, commit, seconds)

    def everybody_before(self, commit: str, seconds: float) -> Iterator[Change]:
        """All commits but merges of that time, those of merged branches too, each by its own author. Oldest first."""
        return git_history.everybody_before(self, commit, seconds)

    def commits(self, first: str, last: str) -> tuple[ReviewedCommit, ...]:
        """Every commit after `first` up to `last`, whole messages, newest first. Raises AdapterError."""
        form = f"--format=%H%x00%P%x00%aE%x00%B%x02{MARK}"
        range_ = f"{self.commit(first)}..{self.commit(last)}"
        self.see_whole([range_], f"{first}..{last}")
        text = self.run("log", form, range_, "--")
        blocks = (block.lstrip("\n").split("\0", 3) for block in text.split(END) if block.strip())
        return tuple(ReviewedCommit(b[0], tuple(b[1].split()), b[2].lower(), said(b[3])) for b in blocks)

    def touching(self, revisions: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
        """Ids of the commits but merges that touch one of the paths. Raises AdapterError."""
        return frozenset(self.run("rev-list", "--full-history", "--no-merges", *revisions, "--", *paths).split())

    def picked(self, first: str, last: str) -> frozenset[str]:
        """Ids of the commits after `first` up to `last` that stand in `first`, too, as copies: `git cherry-pick` keeps
        author, time of writing and subject. Empty where `first` lies in the history of `last`. Raises AdapterError."""
        common = self.common(first, last)
        if common in ("", self.commit(first)):
            return frozenset()
        form = "--format=%H%x00%aE%x00%at%x00%s"
        there = {line.partition("\0")[2] for line in self.run("log", form, f"{common}..{first}", "--").splitlines()}
        here = (line.partition("\0") for line in self.run("log", form, f"{first}..{last}", "--").splitlines())
        return frozenset(identity for identity, _, rest in here if rest in there)

    def told(self, revisions: Sequence[str]) -> tuple[Commit, ...]:
        """Commits with their messages and the names of their files, newest first; merges name no files. Raises
        AdapterError."""
        form = f"--format=%x01{MARK}%H%x00%P%x00%aN%x00%aE%x00%ct%x00%B%x02{MARK}"
        shown = ("--name-only", "--no-renames", "--topo-order")
        text = self.run("-c", self.people, "log", form, *shown, *revisions, "--")
        found = []
        for block in text.split(BEGIN)[1:]:
            head, _, files = block.partition(END)
            identity, parents, name, email, at, message = head.split("\0", 5)
            touched = tuple(path for path in files.split("\n") if path)
            who, words = clean(name), said(message)
            found.append(Commit(identity, tuple(parents.split()), who, email.lower(), moment(at), words, touched))
        return tuple(found)

    def contents(self, names: Sequence[str]) -> list[bytes | None]:
        """What `REVISION:PATH` each holds; None where there is nothing. One process for all of them."""
        with closing(self.reading()) as reading:
            return reading.of(names)

    def reading(self) -> Contents:
        """To look up one content after the other; close it."""
        return Contents(self.path, self.command("cat-file"), quiet())
