"""A check run at GitHub, with its annotations: at most 50 in a request, so many of them are sent one after the other.

A check is only concluded by the request with the last annotations: one that was cut short stays in progress. GitHub
adds the annotations of every request to those before, so a request without an answer is continued after what GitHub
counts.
"""

from __future__ import annotations

from pilotage.adapters.code_host import CodeRepository, patiently
from pilotage.adapters.ports import AdapterError
from pilotage.model.check_run import CheckRun, Remark
from pilotage.model.json import Json, JsonObject, WrongJson, text_at, whole_at
from pilotage.model.text import plain

_AT_ONCE = 50
_MOST_SUMMARY = 65_535
_MOST_TEXT = 20_000
"""Characters of an annotation's message; GitHub takes 64 kB."""
_MOST_TITLE = 255


def publish_check(place: CodeRepository, commit: str, check: CheckRun) -> str:
    """Show a check at a commit; returns its address. Each call makes a new run, of which GitHub shows the last. Raises
    AdapterError."""
    try:
        made, sent = patiently(lambda: place.write("POST", "/check-runs", _first(commit, check))), _AT_ONCE
        number = whole_at(made, "id")
        while sent < len(check.remarks):
            made, sent = _continued(place, number, check, sent)
        return text_at(made, "html_url")
    except WrongJson as error:
        raise AdapterError(f"{place.address('/check-runs')} did not return a check run: {error}") from None


def _continued(place: CodeRepository, number: int, check: CheckRun, sent: int) -> tuple[Json, int]:
    """The check with the next annotations, and how many it has."""

    def more() -> tuple[Json, int]:
        # A request without an answer may have been carried out; what GitHub counts may be late.
        there = max(sent, whole_at(place.read(f"/check-runs/{number}"), "output", "annotations_count"))
        return place.write("PATCH", f"/check-runs/{number}", _content(check, there)), there + _AT_ONCE

    return patiently(more)


def _first(commit: str, check: CheckRun) -> JsonObject:
    named: JsonObject = {"name": check.name, "head_sha": commit, "external_id": check.about}
    return {**named, **({"details_url": check.url} if check.url else {}), **_content(check, 0)}


def _content(check: CheckRun, sent: int) -> JsonObject:
    """sent: how many annotations GitHub has."""
    part = check.remarks[sent : sent + _AT_ONCE]
    whole = sent + len(part) >= len(check.remarks)
    state: JsonObject = (
        {"status": "completed", "conclusion": check.conclusion.value} if whole else {"status": "in_progress"}
    )
    output: JsonObject = {
        "title": plain(check.title, _MOST_TITLE),
        "summary": plain(check.summary, _MOST_SUMMARY),
        "annotations": [_annotation(one) for one in part],
    }
    return {**state, "output": output}


def _annotation(remark: Remark) -> JsonObject:
    return {
        "path": remark.path, "start_line": remark.line, "end_line": remark.line,
        "annotation_level": remark.level.value, "title": plain(remark.title, _MOST_TITLE),
        "message": plain(remark.text, _MOST_TEXT),
    }  # fmt: skip
