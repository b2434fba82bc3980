"""The title of a merged or squashed request: GitHub, GitLab, Bitbucket, Azure DevOps, Gitea, Gerrit, bors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pilotage.model.commit import LONGEST_SUBJECT, Commit
from pilotage.report.breaking import TRAILERS
from pilotage.report.commit_words import only_releases

_FORMS = tuple(
    re.compile(form)
    for form in (
        r"^Merge pull request #?(?P<request>\d+) (?:from|in) ",  # GitHub, Bitbucket Server, Azure DevOps
        r"^Merge pull request '(?P<title>.+)' \(#(?P<request>\d+)\) from ",  # Gitea, Forgejo
        r"^Merged in \S+ \(pull request #(?P<request>\d+)\)",  # Bitbucket
        r"^Merged PR (?P<request>\d+): (?P<title>\S.*)$",  # Azure DevOps
        r"^Pull request #(?P<request>\d+): (?P<title>\S.*)$",  # Bitbucket Server
        r"^Merge (?:(?:PR|MR|pull request|merge request) ?)?[#!](?P<request>\d+): (?P<title>\S.*)$",  # coqbot, people
        r"^Auto merge of #(?P<request>\d+) - ",  # bors
        r"^Merge \"(?P<title>.+)\"(?: into \S+)?$",  # Gerrit
    )
)
"""Of each forge; where the subject holds no title, it is the first line below."""

_GITLAB = re.compile(r"^See merge request \S{0,500}?(?:!|/merge_requests/)(\d+)\s*$", re.MULTILINE)
_TOPIC = re.compile(r"^Merge (?:branch|tag) '?([\w./+-]+?)'?(?: of \S+)?(?: into .+)?$")
_PLAIN = re.compile(r"^(?:auto(?:matic(?:ally)?)?[- ])?merg(?:e|ed|es|ing)\b", re.IGNORECASE)
_SQUASHED = re.compile(r"\((#|!)(\d+)\)$")


@dataclass(frozen=True)
class Request:
    """title: without its number · body: the text below · number: `12`, of GitLab `!12`, where `#12` is an issue; empty
    if unknown · speaks: whether it describes its content, and does not only join histories or make a release."""

    title: str
    body: str
    number: str
    speaks: bool


def request_of(commit: Commit) -> Request:
    """The title of a commit. A merge with the title of a request as its subject, or with text about its topic, stands
    for its content."""
    is_merge = len(commit.parents) > 1
    found = _of_forge(commit.subject, commit.body) or (_of_topic(commit) if is_merge else None)
    if found is None:
        found = Request(commit.subject, commit.body, "", speaks=is_merge and not _PLAIN.match(commit.subject))
    title, number = without_number(found.title)
    speaks = found.speaks and not only_releases(title)
    return Request(title, found.body, number or found.number, speaks)


def without_number(title: str) -> tuple[str, str]:
    """A title without the number of its request, and the number: `Add x (#12)`."""
    found = _SQUASHED.search(title)
    return (title[: found.start()].rstrip(), found[2] if found[1] == "#" else f"!{found[2]}") if found else (title, "")


def reference(number: str) -> str:
    """A request as its forge links it: `#12`, of GitLab `!12`."""
    return number if number.startswith("!") else f"#{number}"


def plain_title(subject: str) -> str:
    """The title within a subject: without what forges put around it."""
    found = _of_forge(subject, "")
    return without_number(found.title if found else subject)[0]


def _of_forge(subject: str, body: str) -> Request | None:
    first, _, rest = body.partition("\n")
    first = first[:LONGEST_SUBJECT].strip()
    for form in _FORMS:
        if found := form.match(subject):
            parts = found.groupdict()
            if title := parts.get("title"):
                return Request(title, body, parts.get("request") or "", speaks=True)
            if _says(first):
                return Request(first, rest.strip(), parts["request"], speaks=True)
            return Request(subject, body, parts["request"], speaks=False)
    if found := _GITLAB.search(body):
        title = "" if first.startswith("See merge request") else first
        if not subject.startswith("Merge branch"):  # squashed: the title is the subject
            return Request(subject, body, f"!{found[1]}", speaks=True)
        return Request(title or subject, rest.strip(), f"!{found[1]}", speaks=bool(title))
    return None


def _of_topic(commit: Commit) -> Request | None:
    if not _TOPIC.match(commit.subject) or not _says(commit.body[:LONGEST_SUBJECT]):
        return None
    paragraph = commit.body.partition("\n\n")[0]
    title = " ".join(paragraph.split())[:LONGEST_SUBJECT]
    return Request(title, commit.body[len(paragraph) :].strip(), "", speaks=True)


def _says(line: str) -> bool:
    return bool(line) and not TRAILERS.match(line) and not line.startswith(("*", "#"))
