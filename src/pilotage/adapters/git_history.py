"""Reads changes along first parents: with their patches, or with the names of their files alone."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.git_attributes import Attributes
from pilotage.adapters.git_failures import failure
from pilotage.adapters.git_generated import Generated
from pilotage.adapters.git_messages import BEGIN, END, MARK, said
from pilotage.adapters.git_moves import Moves
from pilotage.adapters.git_patch import Patch
from pilotage.adapters.git_people import person
from pilotage.adapters.git_time import agreed, moment, zone
from pilotage.model.change import Change, Entry, FilePatch

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

_HEADER = f"%x01{MARK}%H%x00%P%x00%aN%x00%aE%x00%at%x00%ai%x00%B%x02{MARK}"
_ALONG = ("--first-parent", "--diff-merges=first-parent")
_PLAIN = (
    "--no-color", "--diff-algorithm=myers", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--src-prefix=a/",
    "--dst-prefix=b/",
)  # fmt: skip
_PATCH = (*_PLAIN, "-M", "-l400", *_ALONG)
"""What is read must not hang on how someone likes their git."""

_LONGEST_READING = 1800.0
"""Seconds after which git is taken to hang. Training reads the patches of many thousand commits."""

_AHEAD = 2**20
"""Bytes that are read at once: with few turns, two readings in one process hardly wait for each other."""

_AROUND = 100
"""Commits before a range whose clocks are looked at, too."""

_FEW, _MANY = 4_000, 100_000
"""Commits that are looked at for the year before one: few as a rule, and at most."""
_MOST_OF_ALL = 20_000
"""Of merged branches too, the newest."""


@dataclass(frozen=True, kw_only=True)
class _Line:
    """What is known of each commit on a line of first parents before it is read. landed: when, by agreeing clocks ·
    author: name and address of who wrote a merged branch, by the merge."""

    landed: Mapping[str, float]
    author: Mapping[str, tuple[str, str]]

    def told(self, change: Change) -> Change:
        name, address = self.author.get(change.commit, (change.name, change.address))
        landed = self.landed.get(change.commit, float(change.at))
        return replace(change, author=person(name, address), name=name, address=address, landed=landed)


def changes(
    git: Git, revisions: Sequence[str], options: Sequence[str] = (), within: Sequence[str] = ()
) -> Iterator[Change]:
    """As `Git.changes`."""
    revisions = _ids(git, revisions)
    first, last = bounds(_ids(git, within) if within else revisions)
    line = _line(git, revisions, options)
    arguments = ["log", "--reverse", f"--format={_HEADER}", "-p", "-U0", *_PATCH, *options, *revisions, "--"]
    arguments += git.scope.paths.pathspecs
    with ExitStack() as stack:
        words = stack.enter_context(TemporaryFile())
        generated = stack.enter_context(Generated(git, first))
        attributes = stack.enter_context(closing(Attributes(git, first, last)))
        moves = stack.enter_context(Moves(git, attributes))
        command = git.command("-c", git.people, *arguments)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, env=git.objects, bufsize=_AHEAD)
        stack.enter_context(_ended(process))
        assert process.stdout is not None
        for change in _parse(process.stdout):
            change = generated.marked(replace(change, files=_attributed(change.files, attributes)))
            yield line.told(moves.followed(change))
        if process.wait():
            words.seek(0)
            raise failure(git.path, "log", words.read(2_000), process.returncode)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """One that nobody reads any more, or that takes far too long, is killed."""
    late = threading.Timer(_LONGEST_READING, process.kill)
    late.daemon = True
    late.start()
    try:
        with process:
            try:
                yield
            finally:
                process.kill()
    finally:
        late.cancel()


def names(git: Git, revisions: Sequence[str], options: Sequence[str] = ()) -> Iterator[Change]:
    """As `Git.names`."""
    revisions = _ids(git, revisions)
    line = _line(git, revisions, options)
    yield from map(line.told, _named(git, [*_ALONG, *options], revisions))


def _named(git: Git, options: Sequence[str], revisions: Sequence[str]) -> Iterator[Change]:
    """Changes with the names of their files, as the commits themselves have them."""
    arguments = ["log", "--reverse", f"--format={_HEADER}", "--name-only", "-z", "--no-renames", *_PLAIN, *options]
    text = git.read(*arguments, *revisions, "--", *git.scope.paths.pathspecs)
    for block in text.split(BEGIN)[1:]:
        head, _, paths = block.partition(END)
        found = (path.lstrip("\n") for path in paths.split("\0"))
        yield replace(_head(head), files=tuple(FilePatch(path, path, 0, 0) for path in found if path))


def year_before(git: Git, commit: str, seconds: float) -> Iterator[Change]:
    """As `Git.year_before`."""
    return names(git, _year(git, commit, seconds)[0])


def everybody_before(git: Git, commit: str, seconds: float) -> Iterator[Change]:
    """As `Git.everybody_before`."""
    revisions, last = _year(git, commit, seconds)
    read = _named(git, ["--no-merges", f"--max-count={_MOST_OF_ALL}"], revisions)
    found = (replace(one, landed=min(max(one.landed, last - seconds), last)) for one in read)
    return iter(sorted(found, key=lambda one: one.landed))


def _year(git: Git, commit: str, seconds: float) -> tuple[list[str], float]:
    """Revisions of so many seconds up to a commit, and when that landed. `git log --since` is no help: it ends at the
    first commit whose clock was behind."""
    (commit,) = _ids(git, [commit])
    for most in (_FEW, _MANY):
        listed = _listed(git, [commit], [f"--max-count={most}"])
        times = agreed([one.at for one in listed], SYSTEM.now())
        older = [one.commit for one, at in zip(listed, times, strict=True) if at < times[-1] - seconds]
        if older or len(listed) < most:
            break
    else:
        older = [listed[0].commit]
    return [commit, *(f"^{one}" for one in older[-1:])], times[-1]


@dataclass(frozen=True, kw_only=True)
class _Listed:
    commit: str
    at: float
    merged: str


def _listed(git: Git, revisions: Sequence[str], options: Sequence[str]) -> list[_Listed]:
    """Commits on the line of first parents, oldest first: when each was committed, and the last parent of a merge."""
    found = []
    for line in git.read("rev-list", *_ALONG[:1], "--parents", "--timestamp", *options, *revisions, "--").splitlines():
        at, commit, *parents = line.split()
        found.append(_Listed(commit=commit, at=moment(at), merged=parents[-1] if len(parents) > 1 else ""))
    return found[::-1]


def _line(git: Git, revisions: Sequence[str], options: Sequence[str]) -> _Line:
    listed = _listed(git, revisions, options)
    known = listed
    if any(".." in one or one.startswith("^") for one in revisions):  # which clock is wrong, more of them tell
        known = _listed(git, [_tip(revisions)], [f"--max-count={len(listed) + _AROUND}"])
    times = agreed([one.at for one in known], SYSTEM.now())
    by = _authors(git, [one.merged for one in listed if one.merged])
    return _Line(
        landed={one.commit: at for one, at in zip(known, times, strict=True)},
        author={one.commit: by[one.merged] for one in listed if one.merged in by},
    )


def _authors(git: Git, commits: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Name and address of each commit's author."""
    if not commits:
        return {}
    arguments = ("log", "--no-walk=unsorted", "--stdin", "--format=%H%x00%aN%x00%aE")
    lines = (line.split("\0") for line in git.read(*arguments, given="\n".join(commits)).split("\n"))
    return {line[0]: (said(line[1]), line[2].lower()) for line in lines if len(line) == 3}


_ID = re.compile(r"\^?[0-9a-f]{40}(?:[0-9a-f]{24})?")


def _ids(git: Git, revisions: Sequence[str]) -> list[str]:
    """The same revisions as ids of commits, `^` before those that are left out. What is a range becomes two of them."""
    if all(_ID.fullmatch(one) for one in revisions):
        return list(revisions)
    parts = [part for one in revisions for part in _parted(one)]
    if all(_ID.fullmatch(one) for one in parts):
        return parts
    return git.run("rev-parse", "--revs-only", *revisions, "--").split()


def _parted(revision: str) -> list[str]:
    """`A..B` as git itself takes it apart."""
    first, dots, last = revision.partition("..")
    return [last, f"^{first}"] if dots and first and last and not last.startswith(".") else [revision]


def _tip(revisions: Sequence[str]) -> str:
    """The newest of these ids: what the repository says of its files, it says there."""
    return bounds(revisions)[1]


def bounds(revisions: Sequence[str]) -> tuple[str, str]:
    """The commit before these ids, empty for none, and the newest of them."""
    first = next((one[1:] for one in revisions if one.startswith("^")), "")
    named = [one for one in revisions if not one.startswith(("-", "^"))]
    return first, (named or ["HEAD"])[-1]


def _attributed(files: Sequence[FilePatch], attributes: Attributes) -> tuple[FilePatch, ...]:
    told = zip(files, attributes.of([file.path for file in files]), strict=True)
    return tuple(
        file
        if file.entry is not Entry.FILE or known == (None, None)
        else replace(file, generated=known[0], vendored=known[1])
        for file, known in told
    )


def _head(text: str) -> Change:
    commit, parents, name, address, at, written, message = text.split("\0", 6)
    name, address, when = said(name), address.lower(), moment(at)
    told, by, ids = said(message), person(name, address), tuple(parents.split())
    return Change(commit, ids, by, int(when), zone(written), told, (), when, name, address)


def _parse(stream: IO[bytes]) -> Iterator[Change]:
    begin, end = BEGIN.encode(), END.encode()
    head: bytes | None = None
    files: list[FilePatch] = []
    patch = Patch()
    for raw in stream:
        if raw.startswith(begin):
            if head is not None:
                yield replace(_head(head.decode(errors="replace")), files=_done(files, patch))
            head, files, patch = raw[len(begin) :], [], Patch()
            while not head.rstrip(b"\n").endswith(end):
                more = stream.readline()
                if not more:
                    return
                head += more
            head = head.rstrip(b"\n").removesuffix(end)
        elif raw.startswith(b"diff --git "):
            files, patch = list(_done(files, patch)), Patch.of(raw)
        else:
            patch.note(raw)
            if patch.opened:
                patch.read(stream)
    if head is not None:
        yield replace(_head(head.decode(errors="replace")), files=_done(files, patch))


def _done(files: list[FilePatch], patch: Patch) -> tuple[FilePatch, ...]:
    return (*files, patch.result()) if patch.path else tuple(files)
