"""Pages and API of the server under load, and its event stream with many listeners.

`python benchmarks/server.py [--rollouts 10000] [--services 200] [--live 50] [--clients 32] [--listeners 1000]` fills a
file of SQLite, starts `pilotage serve` as a process, and asks each address from so many clients at a time. The peer in
the same run is Datasette, which shows the same file: a table of rollouts, and one row of it, as page and as JSON.
`--quick` asks less often; `--paint` measures first paint and weight of every page in Chromium instead.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import server_paint
from server_audit import fill_audit
from sqlalchemy import insert, select, update

from pilotage import Answers, Service, make_plan
from pilotage.adapters.free_port import free_port
from pilotage.app.identity import sessions, tokens
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import environments, events, live_views, rollouts
from pilotage.model.access import Grant, HolderKind, Proof
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin

_EVENTS = 12
_BROWSER = {"Connection": "close", "Accept-Encoding": "gzip"}
_DATASETTE = "0.65.1"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """seconds: of each answer · sent: bytes of one over the wire, with its headers · whole: of its body as it is
    read."""

    seconds: tuple[float, ...]
    sent: int
    whole: int
    failed: int
    meant: int


class Budget:
    """Seconds for all parts together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def share(self, parts: float) -> float:
        """Of what is left, one of so many parts."""
        return max(0.0, (self._end - time.monotonic()) / parts)


def configuration(services: int) -> str:
    """The text of a pilotage.yaml with so many services."""
    answers = "release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly"
    more = "risk_tolerance: low, stakeholder_complexity: [internal-only]"
    fleet = "fleet: {kind: process, command: ['{version}/serve', '{port}'], count: 2, health_check_path: /}"
    lines = ["service: company", f"answers: {{{answers}, {more}}}", "services:"]
    for n in range(services):
        router = f"router: {{kind: envoy, listen: '127.0.0.1:{20000 + n}'}}"
        lines += [f"  service-{n}:", "    environments:", f"      production: {{{fleet}, {router}}}"]
    return "\n".join(lines) + "\n"


def fill(store: Store, count: int, services: int, live: int) -> list[str]:
    """Finished rollouts, evenly over the services, and so many under way; their ids."""
    running = []
    names = [f"service-{n}" for n in range(services)]
    for name in names:
        plan = _plan(name, "1.0")
        first = store.create(plan, begin(plan, None, Mode.INITIAL), Snapshot(), "bench", time.time())
        store.record(
            first, Decision(replace(first.state, status=Status.COMPLETED, at=time.time()), (), ()), None, NOTHING_SEEN
        )
        _repeat(store, first.id, count // services)
    for name in names[:live]:
        plan = _plan(name, "2.0")
        running.append(store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(), "bench", time.time()).id)
    return running


def _plan(name: str, version: str):  # type: ignore[no-untyped-def]  # of a benchmark
    answers = Answers("minor", "canary", "small", "weekly", "low", "internal-only")
    return make_plan(answers, version=version, service=Service(name=name, environment="production"))


def _repeat(store: Store, identity: str, count: int) -> None:
    with store.engine.begin() as connection:
        row = dict(connection.execute(select(rollouts).where(rollouts.c.id == identity)).mappings().one())
        told = dict(connection.execute(select(events).where(events.c.rollout == identity)).mappings().first() or {})
        day = 86400.0
        copies = [
            {
                **row,
                "id": f"{identity}-{n}",
                "sequence": count - n,
                "rank": count - n,
                "created_at": row["created_at"] - n * day,
                "started_at": row["created_at"] - n * day,
                "finished_at": row["created_at"] - n * day + 1200,
                "version": f"0.{n}",
            }
            for n in range(1, count)
        ]
        newest = update(rollouts).where(rollouts.c.id == identity).values(sequence=count, rank=count)
        connection.execute(newest)
        if copies:
            connection.execute(insert(rollouts), copies)
            connection.execute(
                insert(events),
                [{**told, "rollout": one["id"], "number": m + 1} for one in copies for m in range(_EVENTS)],
            )
            connection.execute(insert(live_views), [{"rollout": one["id"], "body": "{}"} for one in copies])
        connection.execute(environments.update().where(environments.c.service == row["service"]).values(sequence=count))


@contextlib.contextmanager
def process(command: list[str], folder: Path, url: str) -> Iterator[psutil.Process]:
    running = subprocess.Popen(
        command, cwd=folder, env=dict(os.environ), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        asyncio.run(_until_it_answers(url))
        yield psutil.Process(running.pid)
    finally:
        running.terminate()
        running.wait(20)


async def _until_it_answers(url: str) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError, EOFError, ConnectionError):
            await asked(url, {})
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(url)


async def asked(url: str, headers: Mapping[str, str]) -> bytes:
    """An answer, over a connection of its own, as a browser asks for it."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        sent = "".join(f"{key}: {value}\r\n" for key, value in {**_BROWSER, "Host": host, **headers}.items())
        writer.write(f"GET /{path} HTTP/1.1\r\n{sent}\r\n".encode())
        return await reader.read(-1)
    finally:
        writer.close()


async def load(url: str, headers: Mapping[str, str], clients: int, each: int, seconds: float) -> Measured:
    """So many clients at a time, each asking one after the other. seconds: after which no more requests begin."""
    taken, failed, answer = list[float](), 0, b""
    end = time.monotonic() + seconds

    async def client() -> None:
        nonlocal failed, answer
        for _ in range(each):
            if taken and time.monotonic() > end:
                return
            began = time.perf_counter()
            answer = await asked(url, headers)
            taken.append(time.perf_counter() - began)
            failed += int(answer.split(b" ", 2)[1]) != 200

    await asyncio.gather(*(client() for _ in range(clients)))
    return Measured(
        seconds=tuple(taken), sent=len(answer), whole=len(_body(answer)), failed=failed, meant=clients * each
    )  # fmt: skip


def _body(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    return gzip.decompress(body) if b"content-encoding: gzip" in head.lower() else body


async def listen(
    base: str, people: Sequence[Mapping[str, str]], count: int, act: AsyncIterator[float]
) -> tuple[list[float], int]:
    """How long after each of the acts each of so many listeners heard of it; and how many never did."""
    host = base.removeprefix("http://")
    name, _, port = host.partition(":")
    heard: list[list[float]] = [[] for _ in range(count)]

    async def listener(number: int, ready: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(name, int(port))
        sent = "".join(f"{key}: {value}\r\n" for key, value in {"Host": host, **people[number % len(people)]}.items())
        writer.write(f"GET /api/v1/events HTTP/1.1\r\nAccept: text/event-stream\r\n{sent}\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"HTTP/"):
                    ready.set()
                if b"pause" in line and line.startswith(b"data:"):
                    heard[number].append(time.time())
        finally:
            writer.close()

    events_ = [asyncio.Event() for _ in range(count)]
    tasks = [asyncio.create_task(listener(number, ready)) for number, ready in enumerate(events_)]
    await asyncio.wait_for(asyncio.gather(*(one.wait() for one in events_)), 120)
    await asyncio.sleep(2)
    acts = [at async for at in act]
    await asyncio.sleep(3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    delays = [heard_at - at for mine in heard for at, heard_at in zip(acts, mine, strict=False)]
    return delays, sum(len(acts) - min(len(mine), len(acts)) for mine in heard)


def cost(server: psutil.Process, url: str, headers: Mapping[str, str], clients: int, each: int, seconds: float) -> str:
    """The cells of one address."""
    before = sum(server.cpu_times()[:2])
    found = asyncio.run(load(url, headers, clients, each, seconds))
    spent = (sum(server.cpu_times()[:2]) - before) / len(found.seconds) * 1000
    cut = f", of {found.meant} meant" if len(found.seconds) < found.meant else ""
    return f"{cells(found)} | {spent:.1f} ms | {len(found.seconds)}{cut} |"


def cells(found: Measured) -> str:
    p50, p99 = statistics.median(found.seconds), quantile(found.seconds, 0.99)
    sizes = f"{found.sent / 1000:.1f} kB | {found.whole / 1000:.1f} kB"
    return f"{p50 * 1000:.0f} ms | {p99 * 1000:.0f} ms | {sizes} | {found.failed}"


def quantile(values: tuple[float, ...] | list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, number in (("rollouts", 10_000), ("services", 200), ("live", 50), ("clients", 32), ("listeners", 1000)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seconds", type=float, default=220)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--paint", action="store_true")
    wanted = parser.parse_args()
    each = 3 if wanted.quick else 20
    folder = Path(tempfile.mkdtemp(prefix="pilotage-bench-"))
    try:
        measure(folder, wanted, each)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, wanted: argparse.Namespace, each: int) -> None:
    budget = Budget(wanted.seconds)
    (folder / "pilotage.yaml").write_text(configuration(wanted.services))
    store = Store(folder / ".pilotage")
    running = fill(store, wanted.rollouts, wanted.services, wanted.live)
    rows = fill_audit(store)
    # Each address has a person of its own, as one may ask only so often a minute.
    headers = iter([_person(store, number) for number in range(20)])
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(
        f"{wanted.rollouts:,} finished rollouts, {wanted.services} services, {wanted.live} under way, "
        f"{rows:,} rows of the audit log, {wanted.clients} clients\n"
    )
    print("| address | p50 | p99 | sent | whole | failed | CPU | requests |\n|---|---|---|---|---|---|---|---|")
    base = f"http://127.0.0.1:{(port := free_port())}"
    serve = [sys.executable, "-m", "pilotage.cli.main", "serve", "--no-worker", "--listen", f"127.0.0.1:{port}"]
    with process(serve, folder, f"{base}/login") as server:
        if wanted.paint:
            print(_paint(store, base, running[0], 1 if wanted.quick else 5))
            return
        paths = (
            "/", f"/rollouts/{running[0]}", "/services", "/services/service-1/production", "/calendar", "/releases",
            "/reports", "/flags", "/incidents", "/audit", "/api/v1/openapi.json", "/api/v1/rollouts",
            f"/api/v1/rollouts/{running[0]}", "/services.json", "/reports/service-1/production", "/api/v1/environments",
        )  # fmt: skip
        for number, path in enumerate(paths):
            # The event stream and Datasette may take as long as six and five addresses.
            seconds = budget.share(len(paths) - number + 11)
            shown = cost(server, base + path, next(headers), wanted.clients, each, seconds)
            print(f"| Pilotage {path.replace(running[0], 'ID')} | {shown}", flush=True)
        print(f"\nmemory after that: {server.memory_info().rss / 1e6:.0f} MB")
        stream(store, server, base, running, wanted.listeners, budget.share(2))
    store.close()
    peer(folder, wanted, each, running[0], budget)


def stream(
    store: Store, server: psutil.Process, base: str, running: list[str], listeners: int, seconds: float
) -> None:  # fmt: skip
    """What each of so many listeners hears, and when."""
    people = [_person(store, 100 + number) for number in range(1 + listeners // 20)]  # one has at most 24 streams
    before = sum(server.cpu_times()[:2])
    try:
        heard = listen(base, people, listeners, _acts(store, running))
        delays, missing = asyncio.run(asyncio.wait_for(heard, seconds))
    except TimeoutError:
        print(f"event stream: left out, not over within {seconds:.0f} s")
        return
    if not delays:
        print(f"event stream: none of {listeners} listeners heard anything")
        return
    spent = sum(server.cpu_times()[:2]) - before
    print(
        f"event stream, {listeners} listeners: p50 {statistics.median(delays) * 1000:.0f} ms, "
        f"p99 {quantile(delays, 0.99) * 1000:.0f} ms after the event was recorded, {missing} not heard; "
        f"CPU {spent:.1f} s; memory {server.memory_info().rss / 1e6:.0f} MB"
    )


def _person(store: Store, number: int) -> Mapping[str, str]:
    name = f"person-{number}"
    store.persons.add(name, time.time())
    store.persons.grant(HolderKind.PERSON, name, Grant(role="admin"), "bench", time.time())
    return {"Authorization": f"Bearer {tokens.issue(store, name, 'bench', [Grant(role='admin')], name, None)}"}


def _paint(store: Store, base: str, rollout: str, times: int) -> str:
    person = store.persons.add("reader", time.time())
    store.persons.grant(HolderKind.PERSON, "reader", Grant(role="admin"), "bench", time.time())
    cookie = "pilotage", sessions.begin(store, person, Proof.PASSWORD, "127.0.0.1", "bench")
    named = {"rollout": rollout, "service": "service-1", "environment": "production", "version": "1.0"}
    return server_paint.table(list(server_paint.painted(base, cookie, list(server_paint.pages(named)), times)))


async def _acts(store: Store, running: list[str]) -> AsyncIterator[float]:
    """Events as a worker records them; everybody hears of them."""
    for identity in random.Random(1).sample(running, min(10, len(running))):
        known, at = store.get(identity), time.time()
        paused = Decision(replace(known.state, at=at), (), (Event("paused", "paused by ada"),))
        await asyncio.to_thread(store.record, known, paused, None, known.live)
        yield at
        await asyncio.sleep(0.5)


def peer(folder: Path, wanted: argparse.Namespace, each: int, identity: str, budget: Budget) -> None:
    """Datasette over the same file."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", str(folder / "peer")], check=True)
    python = folder / "peer" / "bin" / "python"
    subprocess.run(
        [*uv, "pip", "install", "-q", "--python", str(python), f"datasette=={_DATASETTE}", "setuptools<81"], check=True
    )
    base = f"http://127.0.0.1:{(port := free_port())}"
    database = folder / ".pilotage" / "pilotage.sqlite"
    command = [str(python.parent / "datasette"), "serve", str(database), "--port", str(port)]
    with process(command, folder, f"{base}/-/versions.json") as server:
        paths = (
            "/pilotage/rollout", "/pilotage/rollout.json", f"/pilotage/rollout/{identity}",
            f"/pilotage/rollout/{identity}.json",
        )  # fmt: skip
        for number, path in enumerate(paths):
            shown = cost(server, base + path, {}, wanted.clients, each, budget.share(len(paths) - number))
            print(f"| Datasette {path.replace(identity, 'ID')} | {shown}", flush=True)
        print(f"\nDatasette's memory after that: {server.memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
