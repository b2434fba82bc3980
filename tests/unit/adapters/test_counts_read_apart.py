"""R19: a source raises several counters for one answer, one after the other, and a reading can fall between them.

What is counted before its request waits for the next reading: it is no error of the source, and it is not forgotten.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pilotage.adapters.command.adapters import CommandMetrics
from pilotage.adapters.command.program import Program
from pilotage.adapters.context import Context
from pilotage.adapters.environment import Environment
from pilotage.adapters.envoy_admin import BUCKETS_MS, cluster_of
from pilotage.adapters.fence import Fence
from pilotage.adapters.metrics.envoy import EnvoyMetrics
from pilotage.adapters.metrics.variants import VariantMetrics
from pilotage.adapters.ports import Metrics
from pilotage.adapters.strata import Failing, Strata
from pilotage.judge.refusals import RefusalBook
from pilotage.model.observation import Health, Instance, Observation

ON = "on"
"""A version of the sources of code, and a variant of the source of a flag."""


@dataclass
class Pages:
    """A server with texts, by path; and the file that a program prints."""

    port: int
    file: Path
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.texts[self.path.partition("?")[0]].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Pages(server.server_address[1], tmp_path / "totals.json")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def envoy(pages: Pages, requests: int, errors: int, refused: int = 0, grpc: tuple[int, int] = (0, 0)) -> None:
    """grpc: calls, and those that were UNAVAILABLE."""
    label = f'{{envoy_cluster_name="{cluster_of(ON)}"'
    counted = {
        f"upstream_rq_completed{label}}}": requests,
        f'upstream_rq_xx{label},envoy_response_code_class="5"}}': errors,
        f'upstream_rq_xx{label},envoy_response_code_class="4"}}': refused,
        f"grpc_total{label}}}": grpc[0],
        f"grpc_14{label}}}": grpc[1],
    }
    bounds = (*BUCKETS_MS, "+Inf")
    counted |= {f'upstream_rq_time_bucket{label},le="{bound}"}}': requests for bound in bounds}
    pages.texts["/stats/prometheus"] = "".join(f"envoy_cluster_{name} {value}\n" for name, value in counted.items())
    pages.texts["/listeners"] = "users-1::127.0.0.1:80\n"
    pages.texts["/clusters"] = json.dumps({"cluster_statuses": []})


def variants(pages: Pages, requests: int, errors: int) -> None:
    label = f'{{flag="checkout",variant="{ON}"}}'
    pages.texts["/metrics"] = "".join(
        f"pilotage_variant_{name}{label} {value}\n"
        for name, value in {"requests_total": requests, "errors_total": errors}.items()
    )


def program(pages: Pages, requests: int, errors: int) -> None:
    totals = {ON: {"requests": requests, "errors": errors}}
    pages.file.write_text(json.dumps({"started": "s", "totals": totals}))


def open_envoy(pages: Pages, _folder: Path) -> Metrics:
    return EnvoyMetrics(lambda: pages.url, Strata(failing=Failing(grpc=frozenset({14}))))


def open_variants(pages: Pages, _folder: Path) -> Metrics:
    one = Instance("1", "2.0", "127.0.0.1", pages.port, Health.HEALTHY)
    return VariantMetrics(lambda: [one], "/metrics", "checkout")


def open_program(pages: Pages, folder: Path) -> Metrics:
    printing = [sys.executable, "-c", f"print(open({str(pages.file)!r}).read())"]
    context = Context(
        directory=folder, fence=Fence(folder / "fence", 1), service="shop", environment="production", folder=folder
    )
    return CommandMetrics(Program(printing, folder, Environment(), 20), context)


def read_again(
    source: Metrics, pages: Pages, stand: Callable[..., None], moments: Sequence[Mapping[str, object]]
) -> list[Observation]:
    """What each reading says, with the cursor through the store each time."""
    stand(pages, requests=0, errors=0)
    cursor, found = source.observe([ON], None).cursor, []
    for moment in moments:
        stand(pages, **moment)
        reading = source.observe([ON], json.loads(json.dumps(cursor)))
        cursor = reading.cursor
        found.append(reading.of(ON))
    return found


@pytest.mark.parametrize(
    ("source", "stand"),
    [(open_envoy, envoy), (open_variants, variants), (open_program, program)],
    ids=["envoy", "variants", "program"],
)
def test_an_error_that_is_counted_before_its_request_comes_with_it(
    source: Callable[[Pages, Path], Metrics], stand: Callable[..., None], pages: Pages, tmp_path: Path
) -> None:
    moments = [(6, 7), (6, 9), (7, 9), (20, 9), (21, 9)]
    found = read_again(
        source(pages, tmp_path),
        pages,
        stand,
        [{"requests": requests, "errors": errors} for requests, errors in moments],
    )
    assert [(one.requests, one.errors) for one in found] == [(6, 6), (0, 0), (1, 1), (13, 2), (1, 0)]


def test_a_4xx_that_is_counted_before_its_request_is_no_error_of_the_source(pages: Pages, tmp_path: Path) -> None:
    """The comparison of 4xx failed with "bad events must be between 0 and the total", and lost the reading."""
    moments = [{"requests": 6, "errors": 0, "refused": 7}, {"requests": 30, "errors": 0, "refused": 8}]
    found = read_again(open_envoy(pages, tmp_path), pages, envoy, moments)
    assert [(one.requests, one.refused) for one in found] == [(6, 6), (24, 2)]
    book = RefusalBook(0.001, 10, sticky=True)
    for at, one in enumerate(found):
        book.record(one, Observation("off", 13, 0, refused=0), at=float(at))
    (verdict,) = book.verdicts()
    assert "8 of 30" in verdict.sentence


def test_a_call_that_ends_after_its_headers_were_counted_fails_with_the_next_request(
    pages: Pages, tmp_path: Path
) -> None:
    """Envoy counts a gRPC call when it answers, and its status when it ends: a stream can last many readings."""
    moments = [
        {"requests": 10, "errors": 0, "grpc": (0, 0)},
        {"requests": 10, "errors": 0, "grpc": (10, 10)},
        {"requests": 25, "errors": 0, "grpc": (25, 10)},
    ]
    found = read_again(open_envoy(pages, tmp_path), pages, envoy, moments)
    assert [(one.requests, one.errors) for one in found] == [(10, 0), (0, 0), (15, 10)]
