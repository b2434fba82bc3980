"""What a repository says of its versions besides the tags before HEAD: names of packages, and release branches."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.adapters.git import Git
from pilotage.report.changesets import FOLDER, declared
from pilotage.report.manifests import MANIFESTS, names_in
from pilotage.report.versions import Part, Tag


def names_at(git: Git, paths: Sequence[str]) -> list[str]:
    """What the manifests at the paths call their packages."""
    places = [(path.strip("./"), file) for path in paths for file in MANIFESTS if path.strip("./")]
    read = git.contents([f"HEAD:{path}/{file}" for path, file in places])
    return [
        name for (_, file), content in zip(places, read, strict=True) if content for name in names_in(file, content)
    ]


def declared_at(git: Git, revision: str, paths: Sequence[str]) -> Part | None:
    """The part that change sets of a commit ask for."""
    listed = git.run("ls-tree", "--name-only", revision, f"{FOLDER}/").splitlines()
    names = [name for name in listed if name.endswith(".md") and not name.endswith("README.md")]
    texts = git.contents([f"{revision}:{name}" for name in names]) if names else []
    return declared([text.decode(errors="replace") for text in texts if text], names_at(git, paths))


_BRANCHES = 10
"""The newest versions that are looked at for a release branch."""


def on_a_release_branch(git: Git, merged: Sequence[Tag], apart: Sequence[Tag]) -> list[Tag]:
    """The newest final version that was tagged on a branch for its release, as GitLab and Kubernetes do: the branch
    left this history after its last version, so that the next one comes after that.

    merged: versions of this history, oldest first · apart: others."""
    last = next((tag for tag in reversed(merged) if tag.final), None)
    start, head = git.commit(last.name) if last else "", git.commit("HEAD")
    newer = [tag for tag in apart if tag.final and (last is None or tag.order > last.order)]
    for tag in newer[: -_BRANCHES - 1 : -1]:
        common = git.common(tag.name, "HEAD")
        # At the start itself a branch that keeps an old version alive begins, and its next version is another one.
        if common and common not in (head, start) and (not start or git.common(start, common) == start):
            return [tag]
    return []
