"""Faults of hosts (R27), one each, on real sshd servers: nothing runs twice, nothing that serves is lost, one host
delays no other, and a sentence names the host."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets import host_view, over_hosts, ssh_adapter
from pilotage.adapters.fleets.over_hosts import HostsFleet
from pilotage.adapters.hosts.hosted_program import HostedProgram
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.remote_processes import RemoteProcesses
from pilotage.adapters.hosts.runner import Wanted
from pilotage.adapters.ports import AdapterError
from pilotage.model.observation import CheckStatus, Health, Instance
from pilotage.testing import wait_until
from tests.host_fleets import context_for, marked, opened, section_for
from tests.ssh import Sshd, Sshds, sshd

__all__ = ["sshd"]

pytestmark = pytest.mark.real

Open = Callable[..., HostsFleet]


@pytest.fixture
def fleet_of(sshd: Sshds, tmp_path: Path) -> Iterator[Open]:
    """`fleet_of(token, **settings)` is a controller's view of the fleet over all hosts that were started."""
    yield lambda token=1, **settings: opened(section_for(sshd, **settings), tmp_path, token)
    for pid in marked(tmp_path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(fleet: HostsFleet, wanted: Callable[[Sequence[Instance]], bool], say: Callable[[], object] = bool) -> None:
    """Look again and again, saying `say` before each look, as the engine does."""

    def holds() -> bool:
        with contextlib.suppress(AdapterError):
            say()
        return wanted(fleet.instances())

    wait_until(holds, 30.0)


def well(version: str, count: int) -> Callable[[Sequence[Instance]], bool]:
    return lambda found: [i.health for i in found if i.version == version].count(Health.HEALTHY) == count


def places(found: Sequence[Instance]) -> list[str]:
    return sorted(one.id.partition("@")[2] for one in found)


def healthy_at(fleet: HostsFleet, version: str, count: int) -> tuple[Instance, ...]:
    fleet.ensure(version, count)
    until(fleet, well(version, count), lambda: fleet.ensure(version, count))
    return fleet.instances()


def test_the_instances_of_a_host_that_is_down_are_listed_with_the_reason_and_the_others_serve(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    """Down after its batch: it is unhealthy and not gone, and nothing is started elsewhere before its time is over."""
    hosts = [sshd.start() for _ in range(3)]
    fleet = fleet_of()
    healthy_at(fleet, "1.0", 3)
    _down(hosts[1])

    def told(found: Sequence[Instance]) -> bool:
        return [i.health for i in found].count(Health.HEALTHY) == 2 and len(found) == 3

    until(fleet, lambda found: told(found) and any("web2" in i.detail for i in found), lambda: fleet.ensure("1.0", 3))
    (away,) = (one for one in fleet.instances() if one.health is Health.UNHEALTHY)
    assert away.id.endswith("@web2")
    # Another controller, to whom the book of this machine tells what ran there.
    assert sorted(one.id for one in fleet_of(2).instances()) == sorted(one.id for one in fleet.instances())
    assert len(marked(tmp_path)) == 2


def test_the_others_take_over_a_host_that_stays_silent_and_what_comes_back_is_not_one_too_many(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    hosts = [sshd.start() for _ in range(3)]
    fleet = fleet_of(host_timeout=0.3)
    healthy_at(fleet, "1.0", 3)
    _down(hosts[0])
    until(fleet, lambda found: well("1.0", 3)(found) and "web1" not in places(found), lambda: fleet.ensure("1.0", 3))
    assert "web1" not in places(fleet.instances())
    hosts[0].start()
    until(
        fleet, lambda found: len(found) == 3 and well("1.0", 3)(found) and len(marked(tmp_path)) == 3,
        lambda: fleet.ensure("1.0", 3),
    )  # fmt: skip


def test_r27_what_serves_in_the_place_of_a_lost_host_stays_whoever_looks_after_it(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    """Another controller has not seen how long the host was silent; the end of a rollout is enough for that."""
    hosts = [sshd.start() for _ in range(3)]
    fleet = fleet_of(host_timeout=0.3)
    healthy_at(fleet, "1.0", 3)
    _down(hosts[0])
    until(fleet, lambda found: well("1.0", 3)(found) and "web1" not in places(found), lambda: fleet.ensure("1.0", 3))
    serving = marked(tmp_path)
    later = fleet_of(2, host_timeout=60)
    for _ in range(3):
        with contextlib.suppress(AdapterError):
            later.ensure("1.0", 3)
        assert "web1" not in places(later.instances())
    assert sorted(marked(tmp_path)) == sorted(serving)


def test_a_host_that_only_ssh_cannot_reach_serves_on_and_nothing_is_started_in_its_place(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    """Split off from Pilotage, not from users."""
    hosts = [sshd.start() for _ in range(2)]
    fleet = fleet_of(host_timeout=0.1)
    healthy_at(fleet, "1.0", 2)
    hosts[0].stop()  # sshd alone
    until(fleet, lambda found: any("web1" in one.detail for one in found), lambda: fleet.ensure("1.0", 2))
    for _ in range(3):
        fleet.ensure("1.0", 2)
        assert [one.health for one in fleet.instances()] == [Health.HEALTHY] * 2
    assert len(marked(tmp_path)) == 2
    # What it cannot do there is said with its name, and not forgotten.
    with pytest.raises(AdapterError, match="web1"):
        fleet.ensure("1.0", 0)
    hosts[0].start()
    until(fleet, lambda found: not found, lambda: fleet.ensure("1.0", 0))
    assert marked(tmp_path) == []


def test_two_of_four_hosts_gone_is_what_the_others_carry_and_three_is_this_machine_cut_off(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    """Where most are silent, it is more likely that nobody is reached from here than that nobody is there."""
    hosts = [sshd.start() for _ in range(4)]
    fleet = fleet_of(host_timeout=0.2)
    healthy_at(fleet, "1.0", 4)
    for host in hosts[:2]:
        _down(host)
    until(fleet, lambda found: well("1.0", 4)(found), lambda: fleet.ensure("1.0", 4))
    assert set(places(fleet.instances())) == {"web3", "web4"}
    before = marked(tmp_path)
    _down(hosts[2])
    until(fleet, lambda found: "web3" in {one.id.partition("@")[2] for one in found if one.detail})
    time.sleep(0.5)
    for _ in range(3):
        with contextlib.suppress(AdapterError):
            fleet.ensure("1.0", 4)
        fleet.instances()
    assert set(marked(tmp_path)) <= set(before)


def test_a_configuration_of_ssh_that_is_missing_is_said_once_for_all_hosts(sshd: Sshds, tmp_path: Path) -> None:
    for _ in range(2):
        sshd.start()
    section = section_for(sshd, ssh={"config_file": "gone"})
    missing = f"config_file names {tmp_path}/gone, which does not exist; correct the path, or leave the setting out"
    assert _lacks(section, tmp_path, "1.0") == f"web1, web2: {missing}"
    assert ssh_adapter.ADAPTER.examine
    found = [finding.sentence for finding in ssh_adapter.ADAPTER.examine(section, context_for(tmp_path))]
    assert found == [missing] * 2


def test_a_host_that_is_down_before_its_batch_gets_none_and_the_deployment_is_refused_by_its_name(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    hosts = [sshd.start() for _ in range(3)]
    hosts[2].stop()
    assert "web3" in _lacks(section_for(sshd), tmp_path, "1.0")
    fleet = fleet_of()
    fleet.instances()
    healthy_at(fleet, "1.0", 3)
    assert set(places(fleet.instances())) == {"web1", "web2"}


def test_a_connection_cut_while_a_start_is_under_way_starts_nothing_twice(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    """Down during its batch, again and again; the controller is another one each time."""
    host = sshd.start()
    for token in range(1, 5):
        fleet = fleet_of(token)
        with contextlib.suppress(AdapterError):
            fleet.ensure("1.0", 2)
        host.cut()
    fleet = fleet_of(9)
    healthy_at(fleet, "1.0", 2)
    assert len(marked(tmp_path)) == 2
    assert len({one.id for one in fleet.instances()}) == 2


CONTROLLER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.host_fleets import opened
from pilotage.adapters.fleets.ssh_adapter import SshFleetSection
fleet = opened(SshFleetSection.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
print("go", flush=True)
while True:
    fleet.ensure("1.0", 2)
    fleet.ensure("1.0", 0)
"""


def test_a_controller_killed_anywhere_leaves_nothing_twice_and_nothing_lost(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    for _ in range(2):
        sshd.start()
    section = section_for(sshd)
    code = CONTROLLER.format(root=str(Path(__file__).parents[2]))
    for pause in (0.05, 0.31, 0.6):
        controller = subprocess.Popen(
            [sys.executable, "-c", code, section.model_dump_json(exclude_unset=True), str(tmp_path)],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert controller.stdout is not None
        controller.stdout.readline()
        time.sleep(pause)
        controller.kill()
        controller.wait()
        controller.stdout.close()
    fleet = fleet_of(2)
    healthy_at(fleet, "1.0", 2)
    until(fleet, lambda found: len(found) == 2 and len(marked(tmp_path)) == 2, lambda: fleet.ensure("1.0", 2))


def test_records_that_are_lost_on_host_and_controller_are_found_again_by_the_marks(
    sshd: Sshds, fleet_of: Open, tmp_path: Path
) -> None:
    host = sshd.start()
    before = healthy_at(fleet_of(), "1.0", 2)
    for record in (host.folder / "shop_production" / "instances").iterdir():
        record.unlink()
    (tmp_path / "fleet" / "instances.json").unlink()
    fleet = fleet_of(2)
    fleet.ensure("1.0", 2)
    assert [(one.id, one.port) for one in fleet.instances()] == [(one.id, one.port) for one in before]
    assert len(marked(tmp_path)) == 2


def test_a_slow_host_delays_no_other(
    sshd: Sshds, fleet_of: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An sshd on which each command takes longer than a look."""
    sshd.start()
    slow = sshd.start()
    fleet = fleet_of()
    host = fleet._views["web2"].host
    run = host.run

    def late(*arguments: object, **options: object) -> object:
        time.sleep(1.2)
        return run(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(host, "run", late)
    fleet.instances()
    fleet.ensure("1.0", 2)
    # The quick one serves while the other is still being asked; then both do, and nothing ran twice.
    until(fleet, lambda found: "web1" in places([i for i in found if i.health is Health.HEALTHY]))
    until(fleet, well("1.0", 2), lambda: fleet.ensure("1.0", 2))
    assert sorted(places(fleet.instances())) == ["web1", "web2"]
    assert len(marked(tmp_path)) == 2
    assert slow.logins() <= 4


def test_a_full_disk_is_told_by_host_and_nothing_of_the_release_is_left_half(sshd: Sshds, tmp_path: Path) -> None:
    sshd.start()
    small = sshd.start()
    mounted = small.folder
    mounted.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        (tmp_path / "big").write_bytes(os.urandom(300_000))
        (tmp_path / "dist").mkdir()
        (tmp_path / "dist" / "app-1.0").write_bytes((tmp_path / "big").read_bytes())
        section = section_for(sshd, artifact={"source": "dist/app-{version}"})
        assert "web2" in _lacks(section, tmp_path, "1.0")
        fleet = opened(section, tmp_path)

        def said() -> str:
            fleet.prepare("1.0")
            found = fleet.prepared("1.0")
            assert found is not None
            assert found.status is not CheckStatus.PASSED
            return found.detail

        wait_until(lambda: "1 of 2 hosts are ready" in said() and "web2" in said(), 30.0)
        assert not list(mounted.glob("**/releases/*"))
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


def test_r27_what_fills_its_hosts_disk_is_stopped_all_the_same(tmp_path: Path) -> None:
    """R27: a version that fills the disk would never go otherwise, nor leave room for the one before."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mounted], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    host, fence = LocalHost(mounted / "host"), Fence(tmp_path / "fence.json", 1)
    stubborn = ("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    runner = RemoteProcesses(
        host, HostedProgram(command=stubborn, stop_timeout=1.0), service="shop", environment="production"
    )
    try:
        runner.start(Wanted(name="one", version="2.0", number=1, port=20001), fence)
        with contextlib.suppress(OSError):
            (mounted / "full").write_bytes(bytes(1_000_000))

        def gone() -> bool:
            for one in runner.found():
                runner.stop(one.name, fence)
            return not runner.found()

        wait_until(gone, 15.0)
        assert marked(mounted) == []
    finally:
        for pid in marked(mounted):
            os.kill(pid, 9)
        subprocess.run(["umount", "-l", mounted], check=True)


def test_permission_denied_is_told_by_host_and_no_instance_waits_for_it(
    sshd: Sshds, fleet_of: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sshd.start()
    other = sshd.start()
    other.folder.parent.mkdir(exist_ok=True)
    other.folder.write_text("a file in the place of the folder")  # so that not even root can write below it
    assert "web2" in _lacks(section_for(sshd), tmp_path, "1.0")
    healthy_at(fleet_of(), "1.0", 2)
    assert places(fleet_of().instances()) == ["web1", "web1"]
    assert "cannot write" in caplog.text
    assert "web2" in caplog.text


def test_a_clock_an_hour_off_changes_nothing(sshd: Sshds, fleet_of: Open, tmp_path: Path) -> None:
    """Ages come from the host's clock since its boot; a stop that was asked for an hour ago by the wall is not late."""
    programs = tmp_path / "programs"
    programs.mkdir()
    date = programs / "date"
    date.write_text('#!/bin/sh\nexec /bin/date -d "+1 hour" "$@"\n')
    date.chmod(0o755)
    sshd.start(path=str(programs))
    fleet = fleet_of(stop_timeout=3.0)
    healthy_at(fleet, "stubborn", 1)
    (record,) = sshd.all[0].folder.glob("shop_production/instances/*")
    os.utime(record, (time.time() - 3600, time.time() - 3600))
    fleet.ensure("stubborn", 0)
    assert [one.health for one in fleet.instances()] == [Health.STOPPING]
    fleet.ensure("stubborn", 0)
    assert [one.health for one in fleet.instances()] == [Health.STOPPING]
    until(fleet, lambda found: not found, lambda: fleet.ensure("stubborn", 0))


def _down(host: Sshd) -> None:
    """The machine is off: nothing of it answers."""
    for pid in marked(host.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    host.stop()


def _lacks(section: ssh_adapter.SshFleetSection, place: Path, version: str) -> str:
    assert ssh_adapter.ADAPTER.lacks_there is not None
    return ssh_adapter.ADAPTER.lacks_there(section, context_for(place), version)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that could not be reached is asked again at once, so that the tests wait less."""
    monkeypatch.setattr(host_view, "_PAUSES", (0.0, 0.1, 0.2))
    monkeypatch.setattr(over_hosts, "_YOUNG", 0.2)
