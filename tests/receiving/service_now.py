"""ServiceNow's Table API as its documentation describes reading: authentication, `sysparm_*`, records under `result`.

A part of a query that names no field of the table is ignored, as the documentation says, and other records come back.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_DENIED = {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}
_GONE = {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts the record retrieval"}
_KNOWN = {
    "sysparm_query", "sysparm_fields", "sysparm_limit", "sysparm_offset", "sysparm_display_value",
    "sysparm_exclude_reference_link", "sysparm_view", "sysparm_query_no_domain", "sysparm_suppress_pagination_header",
    "sysparm_no_count",
}  # fmt: skip


class ServiceNow:
    """records: of the table change_request, each with its fields as texts, as the API returns them."""

    def __init__(self, records: list[dict[str, str]], *, user: str, password: str) -> None:
        self.records = records
        self._allowed = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content = api.answer(self.path, dict(self.headers.items()))
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json;charset=UTF-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ServiceNow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if headers.get("Authorization") != self._allowed:
            return 401, {"error": _DENIED, "status": "failure"}
        if headers.get("Accept") not in ("application/json", "*/*"):
            return 406, {"error": {"message": "Requested media type not supported", "detail": ""}, "status": "failure"}
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        place = parts.path.removeprefix("/api/now/table/change_request")
        if place == parts.path or asked.keys() - _KNOWN:
            return 400, {"error": {"message": "Invalid table or parameter", "detail": None}, "status": "failure"}
        fields = asked.get("sysparm_fields", "").split(",") if asked.get("sysparm_fields") else None
        if place.startswith("/"):
            found = [one for one in self.records if one["sys_id"] == place[1:]]
            return (
                (200, {"result": _shown(found[0], fields)}) if found else (404, {"error": _GONE, "status": "failure"})
            )
        found = [one for one in self.records if _fits(one, asked.get("sysparm_query", ""))]
        limit = int(asked.get("sysparm_limit", "10000"))
        return 200, {"result": [_shown(one, fields) for one in found[:limit]]}


def _fits(record: Mapping[str, str], query: str) -> bool:
    terms = [term.partition("=") for term in query.split("^") if "=" in term]
    return all(record[name] == value for name, _, value in terms if name in record)


def _shown(record: Mapping[str, str], fields: list[str] | None) -> Mapping[str, str]:
    return record if fields is None else {name: record[name] for name in fields if name in record}
