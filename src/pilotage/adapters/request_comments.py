"""One comment on a pull or merge request that is kept up to date.

It is found by the hidden mark that it begins with, among the comments of the token's own account: on a public
repository anyone may write a comment with the same mark.
"""

from __future__ import annotations

from pilotage.adapters.code_host import CodeRepository, patiently
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, WrongJson, find, text_at, whole_at

MOST = {"github": 65_536, "gitlab": 1_000_000}
"""Characters of a comment (GitHub: of the column; GitLab: documented with the notes API)."""


def put_comment(place: CodeRepository, request: int, mark: str, text: str) -> str:
    """Make the comment or change it; returns its address, empty if the host names none. mark: an HTML comment · text:
    Markdown that begins with it. Raises AdapterError."""
    if not text.startswith(mark) or len(text) > MOST[place.kind]:
        raise AdapterError(f"a comment begins with its mark and has at most {MOST[place.kind]} characters")
    try:
        return patiently(lambda: _put(place, request, mark, text))
    except WrongJson as error:
        raise AdapterError(f"{place.address('')} did not return a comment: {error}") from None


def _put(place: CodeRepository, request: int, mark: str, text: str) -> str:
    listed = f"/merge_requests/{request}/notes" if place.kind == "gitlab" else f"/issues/{request}/comments"
    known = _known(place, listed, mark)
    if known is None:
        return _address(place.write("POST", listed, {"body": text}))
    if find(known, "body") == text:
        return _address(known)
    number = whole_at(known, "id")
    if place.kind == "gitlab":
        return _address(place.write("PUT", f"{listed}/{number}", {"body": text}))
    return _address(place.write("PATCH", f"/issues/comments/{number}", {"body": text}))


def _known(place: CodeRepository, listed: str, mark: str) -> Json:
    """The oldest comment of this account with the mark; None if there is none."""
    ordered = {"sort": "asc", "order_by": "created_at"} if place.kind == "gitlab" else {}
    marked = [one for one in place.pages(listed, **ordered) if _begins(one, mark)]
    if not marked:
        return None
    account = place.account()
    return next((one for one in marked if _is_ours(place, one, account)), None)


def _begins(comment: Json, mark: str) -> bool:
    body = find(comment, "body")
    return isinstance(body, str) and body.startswith(mark)


def _is_ours(place: CodeRepository, comment: Json, account: Json) -> bool:
    writer = find(comment, "author" if place.kind == "gitlab" else "user")
    if account is not None:
        return find(writer, "id") == whole_at(account, "id")
    # The token of a workflow is a GitHub app's, which has no account to ask for.
    return find(writer, "type") == "Bot"


def _address(comment: Json) -> str:
    return text_at(comment, "html_url") if find(comment, "html_url") else ""
