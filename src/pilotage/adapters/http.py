"""One HTTP client for every adapter: short timeouts, no redirects, one error type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import urllib3

from pilotage.adapters.ports import AdapterError


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(num_pools=64, maxsize=4)


def get(url: str, timeout: float = 2.0) -> bytes:
    """The body of a 200 answer. Raises AdapterError with what came instead."""
    status, body = get_status(url, timeout)
    if status != 200:
        raise AdapterError(f"{url} answered {status}: {body[:200].decode(errors='replace')}")
    return body


def get_status(url: str, timeout: float = 2.0, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body, whatever the status. Raises AdapterError when nothing answers in `timeout` seconds."""
    try:
        answer = _pool().request("GET", url, headers=headers, timeout=timeout, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise AdapterError(f"{url} does not answer: {_cause(error)}") from error
    return answer.status, answer.data


def get_json(url: str, timeout: float = 2.0) -> Any:
    """The parsed body of a 200 answer. Raises AdapterError."""
    body = get(url, timeout)
    try:
        return json.loads(body)
    except ValueError:
        raise AdapterError(f"{url} answered something that is not JSON") from None


def _cause(error: Exception) -> str:
    text = str(error).rpartition(": ")[2] or type(error).__name__
    return text.strip("()'\" ")
