"""What services count of a flag's variants (R16, R13): by OpenFeature's own hooks, read by the reader of Pilotage."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from pilotage.adapters.metrics.variants import VariantMetrics
from pilotage.model.observation import Health, Instance, Observation
from pilotage.openfeature import VariantCounter

DOMAIN = "counted"


@pytest.fixture
def counter() -> Iterator[VariantCounter]:
    def on_for_ada(_: object, context: EvaluationContext) -> Any:
        from openfeature.flag_evaluation import FlagResolutionDetails

        on = context.targeting_key == "ada"
        return FlagResolutionDetails(on, variant="on" if on else "off")

    flag = InMemoryFlag("off", {"on": True, "off": False}, context_evaluator=on_for_ada)
    api.set_provider_and_wait(InMemoryProvider({"checkout": flag}), DOMAIN)
    counter = VariantCounter("checkout")
    api.add_hooks([counter.hook])
    yield counter
    api.clear_hooks()
    api.shutdown()


def new_checkout(user: str) -> bool:
    return api.get_client(DOMAIN).get_boolean_value("checkout", False, EvaluationContext(user))


def counts(counter: VariantCounter) -> dict[str, tuple[int, int]]:
    """Requests and errors by variant, from the page."""
    found = dict[str, list[int]]()
    for line in counter.page().splitlines():
        for n, name in enumerate(("requests", "errors")):
            if line.startswith(f"pilotage_variant_{name}_total"):
                variant = line.split('variant="')[1].split('"')[0]
                found.setdefault(variant, [0, 0])[n] = int(line.rpartition(" ")[2])
    return {variant: (requests, errors) for variant, (requests, errors) in found.items()}


def test_r16_a_request_counts_for_the_variant_that_its_user_got(counter: VariantCounter) -> None:
    for user in ("ada", "bob", "bob"):
        with counter.request():
            assert new_checkout(user) is (user == "ada")
            new_checkout(user)  # asked twice in one request: one request
    with counter.request():
        pass  # another page, without the flag
    with pytest.raises(ZeroDivisionError), counter.request():
        new_checkout("ada") / 0
    assert counts(counter) == {"on": (2, 1), "off": (2, 0)}


@pytest.mark.usefixtures("counter")
def test_r16_an_evaluation_that_failed_counts_for_the_code_that_ran() -> None:
    other = VariantCounter("missing")
    api.add_hooks([other.hook])
    with other.request():
        assert api.get_client(DOMAIN).get_boolean_value("missing", True) is True
    assert counts(other) == {"on": (1, 0), "off": (0, 0)}


def test_an_evaluation_outside_a_request_and_another_flag_count_nothing(counter: VariantCounter) -> None:
    new_checkout("ada")
    with counter.request():
        api.get_client(DOMAIN).get_boolean_value("other", False)
    assert counts(counter) == {"on": (0, 0), "off": (0, 0)}


def test_wsgi_counts_statuses_from_500_and_what_fails_while_it_is_sent(counter: VariantCounter) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        new = new_checkout(environ["PATH_INFO"].removeprefix("/"))
        start_response("500 Oops" if new else "200 OK", [("Content-Type", "text/plain")])
        yield b"half"
        if environ.get("QUERY_STRING") == "broken":
            raise RuntimeError
        yield b"whole"

    def ask(path: str, query: str = "") -> list[bytes]:
        environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": ""}
        setup_testing_defaults(environ)
        body = validator(counted)(environ, lambda *_: lambda _: None)
        try:
            return list(body)
        finally:
            body.close()  # type: ignore[attr-defined]

    counted = counter.wsgi(application)
    assert ask("/bob") == [b"half", b"whole"]
    ask("/ada")
    with pytest.raises(RuntimeError):
        ask("/bob", "broken")
    assert b'pilotage_variant_requests_total{flag="checkout",variant="off"} 2' in ask("/metrics")[0]
    assert counts(counter) == {"on": (1, 1), "off": (2, 1)}


def test_asgi_counts_each_task_for_itself_and_no_user_who_left(counter: VariantCounter) -> None:
    async def application(scope: Any, _: Any, send: Any) -> None:
        user = scope["path"].removeprefix("/")
        new = await asyncio.to_thread(new_checkout, user)  # frameworks run plain handlers in threads
        await asyncio.sleep(3600 if scope["query_string"] else 0)
        if new:
            raise RuntimeError
        await send({"type": "http.response.start", "status": 503 if user == "bob" else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    counted, answers = counter.asgi(application), list[Any]()

    async def ask(path: str, query: bytes = b"") -> None:
        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            answers.append(message)

        await counted({"type": "http", "path": path, "query_string": query}, receive, send)

    async def all_at_once() -> None:
        left = asyncio.create_task(ask("/zoe", b"slow"))
        await asyncio.gather(*(ask(f"/{user}") for user in ("ada", "bob", "eve")), return_exceptions=True)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        await ask("/metrics")

    asyncio.run(all_at_once())
    assert b"pilotage_variant_seconds_bucket" in answers[-1]["body"]
    assert counts(counter) == {"on": (1, 1), "off": (3, 1)}


def test_a_decorator_counts_calls_plain_and_async(counter: VariantCounter) -> None:
    @counter.counted
    def plain(user: str) -> bool:
        return new_checkout(user)

    @counter.counted
    async def later(user: str) -> bool:
        return new_checkout(user)

    assert plain("ada") is True
    assert asyncio.run(later("bob")) is False
    assert counts(counter) == {"on": (1, 0), "off": (1, 0)}


def test_r13_the_judge_reads_the_page_and_processes_of_one_instance_add_up(tmp_path: Path) -> None:
    """Four workers of one server, two of them forked from one that counted, one killed: no request is lost."""
    worker = (
        "import os, sys, signal\n"
        "from pilotage.openfeature import VariantCounter\n"
        "counter = VariantCounter('checkout', directory=sys.argv[1])\n"
        "counter.record('on', 0.004, failed=False)\n"
        "child = os.fork()\n"
        "counter.record('on', 0.02, failed=True)\n"
        "counter.record('off', 60, failed=False)\n"
        "if child: os.waitpid(child, 0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    counter = VariantCounter("checkout", directory=tmp_path / "counts")
    page = Page(counter)
    try:
        metrics = VariantMetrics(lambda: [page.instance], "/metrics", "checkout")
        before = metrics.observe(["on", "off"], None)
        for _ in range(2):
            subprocess.run([sys.executable, "-c", worker, str(tmp_path / "counts")], check=False)
        seen = {one.version: one for one in metrics.observe(["on", "off"], before.cursor).observations}
    finally:
        page.close()
    assert (seen["on"].requests, seen["on"].errors) == (6, 4)
    assert (seen["off"].requests, seen["off"].errors) == (4, 0)
    assert by_bound(seen["on"]) == {0.005: 2, 0.025: 4}
    assert by_bound(seen["off"]) == {float("inf"): 4}


def by_bound(seen: Observation) -> dict[float, int]:
    bounds = (*seen.durations.bounds, float("inf"))
    return {bound: count for bound, count in zip(bounds, seen.durations.counts, strict=False) if count}


class Page:
    """A server whose /metrics is the counter's page."""

    def __init__(self, counter: VariantCounter) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(counter.page().encode())

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.instance = Instance("a", "1.0", "127.0.0.1", self._server.server_port, Health.HEALTHY)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_service_that_counts_loads_nothing_else_of_pilotage() -> None:
    script = "import sys, pilotage.openfeature; print(*sorted(n for n in sys.modules if n.startswith('pilotage.')))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    ).stdout.split()
    assert {name.split(".")[1] for name in loaded} == {"openfeature"}
