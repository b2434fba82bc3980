"""What the end of a range lacks that its beginning has: a hotfix that nobody merged back, or ends that are swapped.

A range says what comes. What goes is found where the beginning does not lie in the history of the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilotage.adapters.git import Git
from pilotage.app.branch_merges import Graph, brought_by, graph_of
from pilotage.model.change import Change, title_of
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.model.text import plain
from pilotage.model.wording import counted
from pilotage.risk.sizes import lines_of, to_read
from pilotage.risk.version_commits import only_a_version

_SHOWN = 3
_MOST_READ = 200
"""So many commits are told apart by what they change; more are no forgotten hotfix."""
_LONGEST = 80

SAME = "both ends of the range are the same commit: there is nothing to assess"


def findings_of(git: Git, first: str, last: str) -> list[Finding]:
    """Nothing for commits that only touch documents, tests and versions, or that stand in the end as copies. Raises
    AdapterError."""
    if not (common := git.common(first, last)):
        return [_finding(RiskLevel.HIGH, "the two ends of the range have no history in common", "name another range")]
    if common == first:
        return []
    lost = git.commits_between(last, first)
    if common == last:
        cure = "swap the ends of the range; to go back, use `pilotage rollback`"
        lacks = _lacks(git, [identity for identity, _ in lost])
        return [_finding(RiskLevel.HIGH, f"the end of the range is older than its beginning: it {lacks}", cure)]
    if mine := _of_substance(git, first, last) if len(lost) <= _MOST_READ else [identity for identity, _ in lost]:
        cure = "merge them, or make sure that the release can do without them"
        return [_finding(RiskLevel.MEDIUM, f"the end of the range {_lacks(git, mine)}", cure)]
    return []


def _of_substance(git: Git, first: str, last: str) -> list[str]:
    """Commits of `first` alone that change what runs, newest first; a cherry-pick with another text counts by its
    subject."""
    copied, told = git.picked(last, first), set(git.run("log", "--format=%s", f"{first}..{last}", "--").split("\n"))
    changes, graph = list(git.changes([first, f"^{last}"])), graph_of(git, last, first)
    brought = brought_by([one.commit for one in changes], graph)

    def stands(commit: str) -> bool:
        return commit in copied or graph[commit].subject in told

    mine = [one for one in changes if _matters(one) and not all(map(stands, _parts(one, brought, graph)))]
    return [one.commit for one in reversed(mine)]


def _matters(change: Change) -> bool:
    files = to_read(change)
    return bool(files) and not only_a_version(change.title, sum(map(lines_of, files)), [file.path for file in files])


def _parts(change: Change, brought: Mapping[str, frozenset[str]], graph: Graph) -> list[str]:
    """The commits that a change is made of: itself, or what it merges."""
    inner = [one for one in brought.get(change.commit, ()) if not graph[one].parents[1:]]
    return inner or [change.commit]


def _lacks(git: Git, commits: Sequence[str]) -> str:
    """commits: newest first."""
    count = len(commits)
    words = f"lacks {counted(count, 'commit')} that the beginning has"
    if not commits:
        return words
    messages = git.run("log", "--no-walk=unsorted", "--format=%B%x00", *commits[:_SHOWN], "--").split("\0")[:-1]
    whole = (one.lstrip("\n") for one in messages)
    titles = (title_of(one, is_merge=one.startswith("Merge ")) for one in whole)
    said = "; ".join(f"“{plain(one, _LONGEST)}”" for one in titles)
    return f"{words}: {said}{f' and {count - _SHOWN} more' if count > _SHOWN else ''}"


def _finding(level: RiskLevel, sentence: str, cure: str) -> Finding:
    return Finding(RiskFactor.COMPLEXITY, level, sentence, "", cure)
