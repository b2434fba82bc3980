"""Labels public repositories' changes and measures them: `python -m benchmarks.risk_model.label CLONE… --into FOLDER`.

What is kept of each change are its measures, its time, its lines added, its label, and where releases lie: nothing of
anybody's code or text. The first 200 changes of each repository only teach what is usual.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from benchmarks.risk_model import tokens

from pilotage.adapters.git import Git
from pilotage.app.risk_reading import label_newest
from pilotage.model.path_pattern import WHOLE_REPOSITORY, PathPatterns, Scope

MOST = 4500
_VERSION = re.compile(r"^(.*?)[vV]?(\d+(?:[._]\d+)+)$")


class _But(PathPatterns):
    """All paths but these."""

    @property
    def pathspecs(self) -> tuple[str, ...]:
        return (":(top)", *(f":(top,exclude,literal){path}" for path in self.patterns))


def _absent(git: Git, most: int) -> tuple[str, ...]:
    """Paths of which the clone lacks a content: some copies leave out large files."""
    raw = ("--first-parent", "--diff-merges=first-parent", "--raw", "--no-abbrev", "--no-renames", "--format=")
    lines = git.run("log", *raw, f"--max-count={2 * most}", "HEAD").splitlines()
    paths: dict[str, str] = {}
    for line in lines:
        head, _, path = line.partition("\t")
        if "160000" not in head:  # a submodule is elsewhere anyway
            paths.update(dict.fromkeys((blob for blob in head.split()[2:4] if blob.strip("0")), path))
    asked = "".join(f"{blob}\n" for blob in paths)
    command = ["git", "-C", str(git.path), "cat-file", "--batch-check=%(objecttype)"]
    # A missing one is answered with its id.
    said = subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple({paths[line.split()[0]] for line in said if line.endswith(" missing")})


def _one(clone: Path, into: Path, most: int, with_words: bool) -> str:
    name = clone.parent.name if clone.name == "repo" else clone.name
    absent = _absent(Git(clone), most)
    scope = Scope(paths=_But(patterns=absent)) if absent else WHOLE_REPOSITORY
    git = tokens.Reading(clone, scope) if with_words else Git(clone, scope)
    found = label_newest(git, git.commit("HEAD"), most)
    commits = [one.measured.change.commit for one in found]
    np.savez_compressed(
        into / f"{name}.npz",
        features=np.array([one.measured.measures for one in found], dtype=np.float32),
        source=np.array([one.measured.source for one in found]),
        at=np.array([one.measured.change.landed for one in found]),
        added=np.array([sum(f.added for f in one.measured.change.files) for one in found]),
        repaired=np.array([one.repaired for one in found]),
        reverted=np.array([one.reverted for one in found]),
        releases=np.array(_releases(git, commits), dtype=np.int32),
        commits=np.array(commits),
        range=np.array(f"{commits[0][:12]}..{commits[-1][:12]}"),
    )
    if isinstance(git, tokens.Reading):
        words = [git.words[commit] for commit in commits]
        ends = np.cumsum([len(one) for one in words])
        np.savez_compressed(into / f"{name}.words.npz", words=np.concatenate(words), ends=ends)
    source = sum(one.measured.source for one in found)
    harmful = sum(one.repaired <= 30 or one.reverted <= 30 for one in found)
    return f"{name}: {len(found)} changes, {source} of source, {harmful} repaired within 30 days"


def _releases(git: Git, commits: list[str]) -> list[int]:
    """The changes, by number, that version tags stand at or branch off from. Of a repository of many packages: the
    tags of the most frequent name."""
    form = "--format=%(refname:short) %(creatordate:unix) %(objectname) %(*objectname)"
    lines = (line.split() for line in git.run("for-each-ref", "refs/tags", form).splitlines())
    began = int(git.run("log", "-1", "--format=%ct", commits[0]))
    recent = [parts for parts in lines if len(parts) > 2 and parts[1].isdigit() and int(parts[1]) >= began]
    tags = [(found[1], parts[-1]) for parts in recent if (found := _VERSION.match(parts[0]))]
    usual = Counter(prefix for prefix, _ in tags).most_common(1)
    numbers, places = {commit: n for n, commit in enumerate(commits)}, set[int]()
    for prefix, commit in tags:
        if prefix == usual[0][0]:
            if commit not in numbers:
                walk = git.run("rev-list", "--first-parent", "--max-count=500", commit).split()
                commit = next((one for one in walk if one in numbers), "")
            if commit:
                places.add(numbers[commit])
    return sorted(places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--most", type=int, default=MOST, help="Changes read of each, newest first.")
    parser.add_argument("--words", action="store_true", help="Keep the hashed words of changed lines, too.")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    for clone in asked.clones:
        print(_one(clone, asked.into, asked.most, asked.words), flush=True)


if __name__ == "__main__":
    sys.exit(main())
