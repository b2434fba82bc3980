"""Messages of commits: notes of every audience, and footers held against `git interpret-trailers`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import date

from pilotage.model.commit import Commit
from pilotage.model.text import clean
from pilotage.render.notes import document_of, draft_of
from pilotage.report.changelog import updated
from pilotage.report.commits import classify
from pilotage.report.curated import unmarked
from pilotage.report.notes import Audience, Release, kept_sections, notes_of
from pilotage.report.range import changes_of
from pilotage.report.versions import BadVersion, Scheme, next_version, tag_of
from tests.fuzz.reader import Reader, Sample

_FOOTERS = re.compile(r"^(?:BREAKING-CHANGE|Release-As|Co-authored-by): ", re.IGNORECASE | re.MULTILINE)
_RELEASE = Release("shop", "1.0.0", date(2026, 11, 26), "v0.9.0..v1.0.0")


def _check(sample: Sample) -> Iterator[str]:
    message = clean(sample.text).strip()
    commits = tuple(_history(message))
    change = classify(commits[-1])
    if not 0 <= change.sure <= 1:
        yield f"an impossible confidence: {change.sure}"
    changes = changes_of(commits)
    for audience in Audience:
        notes = notes_of(changes, _RELEASE, audience)
        document_of(notes)
        if audience is Audience.USER and (draft := draft_of(notes, None)):
            unmarked(draft_of(notes, draft))
    once = updated(None, "1.0.0", date(2026, 11, 26), kept_sections(changes))
    if updated(once, "1.0.0", date(2026, 11, 26), kept_sections(changes)) != once:
        yield "a changelog that changes when it is written again"
    updated(sample.text, "1.0.0", date(2026, 11, 26), kept_sections(changes))
    for scheme in Scheme:
        tag_of(message, scheme)
        try:
            next_version("v1.2.3", changes, scheme)
        except BadVersion:
            continue
    if _FOOTERS.search(message) and len(message) < 10_000:
        yield from _trailers(message, change.breaking, change.release_as)


def _history(message: str) -> Iterator[Commit]:
    """Newest first: a revert of it, a merge that brings it, the commit itself, alone and squashed."""
    subject = message.partition("\n")[0]
    yield Commit("d" * 40, ("c" * 40,), "Ada", "ada@x", 4.0, f'Revert "{subject}"\n\nThis reverts commit {"a" * 40}.')
    yield Commit("c" * 40, ("0" * 40, "b" * 40), "Ada", "ada@x", 3.0, f"Merge pull request #7 from x\n\n{message}")
    yield Commit("b" * 40, ("a" * 40,), "Bob", "bob@x", 2.0, f"x (#5)\n\n* {subject}\n* y", ("docs/a.md",))
    yield Commit("a" * 40, ("0" * 40,), "Ada", "ada@x", 1.0, message, ("src/a.py",))


def _trailers(message: str, breaking: str | None, release_as: str) -> Iterator[str]:
    """git's own reading of the last paragraph; the specification's `BREAKING CHANGE` with a space it does not know."""
    command = ["git", "interpret-trailers", "--parse", "--no-divider"]
    done = subprocess.run(command, input=message.encode() + b"\n", capture_output=True, check=False)
    for line in done.stdout.decode(errors="replace").splitlines():
        token, _, value = line.partition(": ")
        if token in ("BREAKING-CHANGE", "BREAKING-CHANGES") and value.strip() and breaking is None:
            yield f"a footer that git reads declares nothing: {line[:200]}"
        if token.lower() == "release-as" and value.strip() and _is_word(value) and not release_as:
            yield f"a version that git reads is not asked for: {line[:200]}"


def _is_word(value: str) -> bool:
    return " " not in value.strip() and len(value) <= 250


_SEEDS = (
    "feat(api)!: add x (#12)\n\nLonger.\n\nBREAKING CHANGE: y is gone\nReviewed-by: Bob\n",
    "fix: b\n\nRelease-As: 2.0.0\n", 'Revert "feat: a (#3)"\n\nThis reverts commit 1234567890.\n',
    "[BUGFIX] tsdb: c\n\nSigned-off-by: A <a@x>\n", "✨ d", ":bug: e", "ABC-12: f",
    "Merge branch 'x' into 'main'\n\nAdd g\n\nSee merge request a/b!7\n", "chore(deps): bump h from 1.0 to 2.0",
    "Big (#9)\n\n* feat: i\n\n* fix!: j\n\nCo-authored-by: C <c@x>\n", 'Revert^2 "k"', 'Reapply "l"',
    "drop Python 3.8",
    "fix: m\n\nBREAKING-CHANGE: n\nCloses: #4\n",
)  # fmt: skip

READER = Reader(
    name="commits",
    check=_check,
    seeds=tuple(Sample("message", text.encode()) for text in _SEEDS),
    histories=True,
    words=(
        "BREAKING CHANGE: x\n", "BREAKING-CHANGE: x\n", "Release-As: 3.0.0\n", "\n\n", 'Revert "', '"',
        "This reverts commit ",
        "(#12)", "!", "feat: ", "fix(", "): ", "Merge pull request #1 from a/b\n\n", "Co-authored-by: A <a@x>\n",
        "* ", "- ", "#",
        "See merge request !5", "Change-Id: I1\n", "chore(release): v1.2.3", "deps", "[", "]", "`", "<script>",
        "|", "**", "_", "v1.2.3",
    ),
    seconds=(2.0, 40.0),
)  # fmt: skip
