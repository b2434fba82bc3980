"""The Probes port against real services and commands, and the judge's answer to what they find (R12)."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters import probes as adapter
from pilotage.adapters.free_port import free_port
from pilotage.adapters.probes import InstanceProbes
from pilotage.judge.probes import ProbeBook
from pilotage.model.observation import ProbeResult, Verdict, VerdictKind
from pilotage.model.probe import Probe
from tests.contract.conftest import Version

pytestmark = pytest.mark.real

Address = tuple[str, int]


class Site:
    """A version of a site: Python's own http.server over a folder, as anybody would start it."""

    def __init__(self, folder: Path, pages: dict[str, str]) -> None:
        folder.mkdir()
        for name, text in {"healthz": "ok", **pages}.items():
            (folder / name).write_text(text)
        self.address: Address = ("127.0.0.1", free_port())
        command = [sys.executable, "-m", "http.server", str(self.address[1]), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while self.status("/healthz") != 200:
            assert time.monotonic() < until
            time.sleep(0.05)

    def status(self, path: str) -> int:
        try:
            return urllib3.request("GET", "http://{}:{}{}".format(*self.address, path), retries=False).status
        except urllib3.exceptions.HTTPError:
            return 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[dict[str, Site]]:
    """`good` has the page of the critical function, `bad` and `worse` answer 404 to it; all say they are well."""
    made = {
        "good": Site(tmp_path / "good", {"cart": "your cart"}),
        "bad": Site(tmp_path / "bad", {}),
        "worse": Site(tmp_path / "worse", {}),
    }
    yield made
    for site in made.values():
        site.stop()


def results(probe: Probe, instances: dict[str, list[Address]], count: int, cwd: Path = Path()) -> list[ProbeResult]:
    """What comes of probing these until `count` results are there."""
    probes, found = InstanceProbes([probe], cwd), list[ProbeResult]()
    until = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < until, found
        probes.keep_up(instances)
        found.extend(probes.results())
        time.sleep(0.02)
    probes.stop()
    return found


def judged(new: Site, old: Site, rounds: int) -> list[Verdict]:
    """The verdict after each of so many rounds."""
    probe = Probe("checkout", http="/cart", every=0.1)
    book, said = ProbeBook([probe]), list[Verdict]()
    for result in results(probe, {"2.0": [new.address], "1.0": [old.address]}, 2 * rounds)[: 2 * rounds]:
        book.record(result)
        said += book.verdicts("2.0")
    return said[1::2]


def test_a_version_whose_pages_are_gone_fails_within_three_rounds_though_it_says_it_is_well(
    sites: dict[str, Site],
) -> None:
    new = sites["bad"]
    assert new.status("/healthz") == 200
    *_, last = judged(new, sites["good"], rounds=3)
    assert last.kind is VerdictKind.FAIL
    assert last.critical
    at = "{}:{}".format(*new.address)
    assert last.sentence == f"3 times in a row /cart returned 404 instead of 200 at {at}; stable passes"


def test_pages_that_stable_has_not_either_blame_nobody(sites: dict[str, Site]) -> None:
    said = judged(sites["bad"], sites["worse"], rounds=4)
    assert VerdictKind.FAIL not in [verdict.kind for verdict in said]
    assert said[-1].kind is VerdictKind.SOURCE_ERROR


def test_a_version_that_works_passes(sites: dict[str, Site]) -> None:
    said = judged(sites["good"], sites["good"], rounds=3)
    assert [verdict.kind for verdict in said] == [VerdictKind.PASS] * 3


def test_an_answer_without_what_it_must_hold_fails(sites: dict[str, Site]) -> None:
    there = {"2.0": [sites["good"].address]}
    (right, *_) = results(Probe("p", http="/cart", contains="your cart", every=0.1), there, 1)
    assert right.passed
    (wrong, *_) = results(Probe("p", http="/cart", contains="basket", every=0.1), there, 1)
    assert wrong.detail == "/cart returned 200 without 'basket'"


def test_a_redirect_is_an_answer_and_is_not_followed(sites: dict[str, Site], tmp_path: Path) -> None:
    (tmp_path / "good" / "shop").mkdir()
    (found, *_) = results(Probe("p", http="/shop", every=0.1), {"2.0": [sites["good"].address]}, 1)
    assert found.detail == "/shop returned 301 instead of 200"


def test_nobody_who_answers_is_a_failure_that_says_so() -> None:
    (found, *_) = results(Probe("p", http="/", every=0.1), {"2.0": [("127.0.0.1", free_port())]}, 1)
    assert found.detail == "/ did not respond: Connection refused"


def test_an_answer_that_trickles_or_never_comes_ends_at_the_deadline_and_delays_no_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address: Address = ("127.0.0.1", server.getsockname()[1])
        stop = threading.Event()

        def trickle(connection: socket.socket) -> None:
            with connection:
                try:
                    while not stop.wait(0.05):
                        connection.send(b"H")
                except OSError:
                    pass

        def accept() -> None:
            try:
                while True:
                    threading.Thread(target=trickle, args=(server.accept()[0],), daemon=True).start()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        probes = InstanceProbes([Probe("slow", http="/", timeout=3600.0)], Path())
        began = time.monotonic()
        probes.keep_up({"2.0": [address]})
        assert probes.results() == ()
        assert time.monotonic() - began < 60, "a look waited for the probe"
        probes.stop()
        (found, *_) = results(Probe("p", http="/", timeout=0.3, every=0.1), {"2.0": [address]}, 1)
        assert found.detail == "/ did not respond within 0.3 s"
        stop.set()


def test_a_command_gets_the_instance_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_TOKEN", "hunter2")
    script = "import os, sys; print(sys.argv[1:], os.environ.get('PAYMENT_TOKEN')); print('more'); sys.exit(3)"
    run = (sys.executable, "-c", script, "{version}", "{host}", "{port}", "{url}", "$HOME")
    (found, *_) = results(Probe("p", run=run, timeout=20.0, every=0.1), {"2.0": [("127.0.0.1", 4001)]}, 1, tmp_path)
    shown = ["2.0", "127.0.0.1", "4001", "http://127.0.0.1:4001", "$HOME"]
    assert found.detail == f"{sys.executable} exited with 3: {shown} None"


def test_a_secret_that_a_command_prints_is_not_in_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_TOKEN", "hunter2")
    run, env = ("sh", "-c", "echo no $KEY; exit 3", "{port}"), (("KEY", "secret://env/PAYMENT_TOKEN"),)
    probe = Probe("p", run=run, timeout=20.0, every=0.1, environment=env)
    (found, *_) = results(probe, {"2.0": [("127.0.0.1", 4001)]}, 1, tmp_path)
    assert found.detail == "sh exited with 3: no (secret)"


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script = "echo begun; sleep 3600 & echo $! > child; wait"
    probe = Probe("p", run=("sh", "-c", script, "{port}"), timeout=0.5, every=3600.0)
    (found, *_) = results(probe, {"2.0": [("127.0.0.1", 1)]}, 1, tmp_path)
    assert found.detail == "sh did not exit within 0.5 s: begun"
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while _lives(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_command_that_passes_and_one_that_is_not_there(tmp_path: Path) -> None:
    there: dict[str, list[Address]] = {"2.0": [("127.0.0.1", 1)]}
    assert results(Probe("p", run=("true", "{port}"), every=0.1), there, 1, tmp_path)[0].passed
    (found, *_) = results(Probe("p", run=("/no/such/program", "{port}"), every=0.1), there, 1, tmp_path)
    assert found.detail == "cannot start /no/such/program: No such file or directory"


def test_they_end_by_themselves_when_nobody_asks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_KEPT_UP", 0.3)
    server = Version("2.0")
    try:
        probes = InstanceProbes([Probe("quiet", http="/", every=0.05)], Path())
        probes.keep_up({"2.0": [server.address]})
        until = time.monotonic() + 10
        while any(thread.name == "probe quiet" for thread in threading.enumerate()):
            assert time.monotonic() < until
            time.sleep(0.05)
        served = server.served
        assert served > 0
        # And begin again when somebody does.
        probes.keep_up({"2.0": [server.address]})
        while server.served == served:
            assert time.monotonic() < until
            time.sleep(0.05)
        probes.stop()
    finally:
        server.shutdown()
        server.server_close()


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
