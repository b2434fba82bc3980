"""What a host says of itself: system, runtimes, disk, clock, and the versions that run there. Changes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.adapters.hosts.host import Host, Unreachable
from pilotage.adapters.hosts.runner import Runner
from pilotage.adapters.hosts.ssh import SshHost
from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line

_WITHIN = 20.0
_CLOCK, _SLOW = 2.0, 2.0
"""Seconds of difference, and of a login, from which there is a warning."""
_LEAST_DISK = 1 << 30
_ASK = r"""
echo "os=$( (. /etc/os-release && echo "$PRETTY_NAME") 2>/dev/null || uname -sr)"
for program in podman docker; do
  command -v $program >/dev/null 2>&1 && echo "runtime=$($program --version 2>/dev/null | head -n 1)"
done
[ -d /run/systemd/system ] && echo "runtime=$(systemctl --version 2>/dev/null | head -n 1)"
folder=$1
while [ ! -d "$folder" ]; do folder=${folder%/*}; [ -n "$folder" ] || folder=/; done
[ -w "$folder" ] || echo "locked=$folder"
echo "disk=$(df -Pk "$folder" | tail -n 1)"
echo "user=$(id -un)"
"""


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """name, address: as the configuration has them; empty name for this machine · problem: why it cannot be reached;
    empty if it can · login: seconds · runtimes: such as `podman 4.3.1` · versions: running instances of each · disk:
    free bytes below Pilotage's folder · clock: seconds that its clock is ahead, None where it cannot tell · warnings:
    what will be trouble, one sentence each."""

    name: str
    address: str = ""
    problem: str = ""
    login: float | None = None
    system: str = ""
    user: str = ""
    runtimes: tuple[str, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    disk: int | None = None
    clock: float | None = None
    warnings: tuple[str, ...] = ()


def look_at(name: str, host: Host, runner: Runner | None) -> HostFacts:
    """A few steps on the host. Never raises for what is wrong with it: `problem` and `warnings` say it."""
    try:
        return _reached(name, host, runner)
    except Unreachable as error:
        return HostFacts(name=name, problem=str(error))
    except AdapterError as error:
        return HostFacts(name=name, problem=f"can be reached, but: {error}")


def _reached(name: str, host: Host, runner: Runner | None) -> HostFacts:
    host.run(["true"], within=_WITHIN)
    login = host.login_time if isinstance(host, SshHost) else None
    ahead, doubt = _clock(host)
    said = host.run(["/bin/sh", "-c", _ASK, "sh", host.folder], within=_WITHIN)
    rows = [row.partition("=")[::2] for row in said.out.decode(errors="replace").splitlines()]
    told = {key: line(value, 200) for key, value in rows}
    versions, warnings = _versions(runner)
    disk = _free(told.get("disk", ""))
    return HostFacts(
        name=name,
        address=host.address,
        login=login,
        system=told.get("os", ""),
        user=told.get("user", ""),
        runtimes=tuple(_short(value) for key, value in rows if key == "runtime"),
        versions=versions,
        disk=disk,
        clock=ahead,
        warnings=(*warnings, *_trouble(login, ahead, doubt, disk, told.get("locked", ""), told.get("user", ""))),
    )


def _clock(host: Host) -> tuple[float | None, float]:
    """How far its clock is ahead, and how far that may be wrong."""
    before = time.time()
    said = host.run(["date", "+%s.%N"], within=_WITHIN).out.decode(errors="replace").strip()
    after = time.time()
    seconds, _, fraction = said.partition(".")
    if not seconds.isdecimal():
        return None, 0.0
    exact = fraction.isdecimal()  # not every `date` knows fractions
    there = float(f"{seconds}.{fraction}") if exact else int(seconds) + 0.5
    return there - (before + after) / 2, (after - before) / 2 + (0.0 if exact else 0.5)


def _versions(runner: Runner | None) -> tuple[Mapping[str, int], tuple[str, ...]]:
    if runner is None:
        return {}, ()
    try:
        return Counter(one.version for one in runner.found() if one.running), ()
    except AdapterError as error:
        return {}, (f"its instances cannot be listed: {error}",)


def _trouble(
    login: float | None, ahead: float | None, doubt: float, disk: int | None, locked: str, user: str
) -> Sequence[str]:
    found = []
    if ahead is not None and abs(ahead) - doubt > _CLOCK:
        found.append(
            f"its clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}: certificates and tokens may count "
            "as expired or not yet valid, and times in its logs are wrong. Run an NTP client there"
        )
    if login is not None and login > _SLOW:
        found.append(
            f"a login takes {login:.1f} s: look at UseDNS, PAM and scripts of the login. Pilotage logs in once and "
            "keeps the connection"
        )
    if disk is not None and disk < _LEAST_DISK:
        found.append(f"only {disk / 1e6:.0f} MB of disk are free: the next version may not fit")
    if locked:
        found.append(f"{user} cannot write in {locked}: give it the folder, or set ssh.folder")
    return found


def _free(row: str) -> int | None:
    """From a line of `df -Pk`."""
    words = row.split()
    return int(words[-3]) * 1024 if len(words) >= 6 and words[-3].isdecimal() else None


def _short(said: str) -> str:
    """`podman 4.3.1` of `podman version 4.3.1`."""
    words = [word for word in said.split() if word != "version"]
    return " ".join(words[:2]).rstrip(",").lower()
