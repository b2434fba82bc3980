"""One line of the log for each request, and for each sign-in: who asked for which route, and what came of it.

A line has the route, never the path with its parameters, the query or a header: secrets travel in those.
"""

from __future__ import annotations

import logging
import sys

from pilotage.adapters.log_lines import formatter

REQUESTS, SIGN_INS = "pilotage.web.requests", "pilotage.sign_ins"

_requests = logging.getLogger(REQUESTS)


def log_request(method: str, route: str, status: int, seconds: float, actor: str, request_id: str) -> None:
    """route: as the table has it · actor: empty for nobody who is known."""
    if not _requests.isEnabledFor(logging.INFO):
        return
    fields = {
        "method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1), "actor": actor,
        "request_id": request_id,
    }  # fmt: skip
    words = (method, route, status, fields["ms"], actor or "-")
    _requests.info("%s %s %d %s ms %s", *words, extra={"fields": fields})


def keep_request_log() -> None:
    """Write these lines to standard error, every one: the limits of the log of troubles are not for them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    for name in (REQUESTS, SIGN_INS):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.handlers = [handler]
