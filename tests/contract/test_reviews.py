"""Approvals as the APIs of GitHub and GitLab give them, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import CodeHost

pytestmark = pytest.mark.real

GITHUB = {
    "/repos/team/shop/commits/abc/pulls": [{"number": 7, "user": {"login": "ada"}}],
    "/repos/team/shop/commits/own/pulls": [{"number": 8, "user": {"login": "ada"}}],
    "/repos/team/shop/commits/taken-back/pulls": [{"number": 9, "user": {"login": "ada"}}],
    "/repos/team/shop/commits/direct/pulls": [],
    "/repos/team/shop/pulls/7/reviews?per_page=100": [
        {"user": {"login": "bob"}, "state": "CHANGES_REQUESTED"}, {"user": {"login": "bob"}, "state": "APPROVED"},
        {"user": {"login": "eve"}, "state": "COMMENTED"},
    ],
    "/repos/team/shop/pulls/8/reviews?per_page=100": [{"user": {"login": "ada"}, "state": "APPROVED"}],
    "/repos/team/shop/pulls/9/reviews?per_page=100": [
        {"user": {"login": "bob"}, "state": "APPROVED"}, {"user": {"login": "bob"}, "state": "DISMISSED"},
    ],
}  # fmt: skip
GITLAB = {
    "/api/v4/projects/team%2Fshop/repository/commits/abc/merge_requests": [{"iid": 7, "author": {"username": "ada"}}],
    "/api/v4/projects/team%2Fshop/merge_requests/7/approvals": {
        "approved_by": [{"user": {"username": "bob"}}, {"user": {"username": "ada"}}]
    },
}


@contextmanager
def host(pages: dict[str, Any], header: str, value: str) -> Iterator[str]:
    """Serves the pages to whoever has the token."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get(header) == value and self.path in pages
            body = json.dumps(pages[self.path] if known else {"message": "Not Found"}).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_github_tells_who_approved_last_and_is_not_the_author() -> None:
    with host(GITHUB, "Authorization", "Bearer t0ken") as url:
        found = CodeHost("github", "team/shop", url, "t0ken").approvals(["abc", "own", "taken-back", "direct"])
    assert found == {"abc": ("bob (approved)",), "own": (), "taken-back": (), "direct": ()}


def test_gitlab_tells_who_approved_and_is_not_the_author() -> None:
    with host(GITLAB, "PRIVATE-TOKEN", "t0ken") as url:
        assert CodeHost("gitlab", "team/shop", url, "t0ken").approvals(["abc"]) == {"abc": ("bob (approved)",)}


def test_a_wrong_token_and_a_dead_host_are_errors_without_the_token_in_them() -> None:
    with host(GITHUB, "Authorization", "Bearer t0ken") as url:
        with pytest.raises(AdapterError, match="404; the token may be missing") as told:
            CodeHost("github", "team/shop", url, "wr0ng").approvals(["abc"])
        assert "wr0ng" not in str(told.value)
    with pytest.raises(AdapterError, match="does not respond"):
        CodeHost("github", "team/shop", "http://127.0.0.1:9", "").approvals(["abc"])
