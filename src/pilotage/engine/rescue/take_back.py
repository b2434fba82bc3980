"""Returns traffic to stable when nothing else works: without a readable store, plan, snapshot or configuration.

It uses what is next to the target: the files of router and fleet, and the note of the stable version (`stable.json`)
that the executing worker leaves there. It stops nothing. It writes what it did to `rescued.json`: a worker with an
outdated goal treats that as an abort, and records it when it can.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from pilotage.adapters import marks
from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.found import RECORDS, FoundRouter, found_routers
from pilotage.adapters.taken_back import NOTE
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.placement.location import place_of, router_folders
from pilotage.engine.rescue.flag_rescue import flag_at, turned_off
from pilotage.model.json import find, list_at, text_at, whole_at
from pilotage.model.rollout import Status
from pilotage.model.traffic import WHOLE, Split, artifact_of

if TYPE_CHECKING:
    from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_STABLE, _RESCUED, _JOURNAL = "stable.json", NOTE, "journal.jsonl"
_UNCONFIRMED = """The router did not confirm it: check whether it responds. If you moved this directory to another \
disk, run `pilotage adopt ENVIRONMENT` to start a router here"""
_NAME_ONE = "name a running version with --to, or start one"
_ANSWERS_WITHIN = 2.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: pilotage\r\nConnection: close\r\n\r\n"


class NothingToTakeBack(AdapterError):
    """`abort --offline` changed nothing. The message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Rescued:
    """What was done, or about to be done, without the store. at: Unix seconds · by: the actor · to: the version that
    all users have; empty if the disk had no space for it."""

    at: float
    by: str = "pilotage"
    to: str = ""


def find_place(directory: Path, service: str | None, environment: str | None) -> Path:
    """The one target in the state's `directory` that fits what is named of it. Raises NothingToTakeBack."""
    found = [path for path in sorted((directory / "run").glob("*")) if router_folders(path) or flag_at(path)]
    if service and environment:
        found = [path for path in found if path.name == f"{service}-{environment}"]
    elif service:
        found = [path for path in found if path.name.startswith(f"{service}-")]
    elif environment:
        found = [path for path in found if path.name.endswith(f"-{environment}")]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(path.name for path in found)
        raise NothingToTakeBack(f"several services are here: {shown}. Name one: -s NAME … -e NAME")
    raise NothingToTakeBack(
        f"no router of Pilotage in {directory / 'run'}: change to its directory, or set PILOTAGE_STATE"
    )


def take_back(
    directory: Path, service: str, environment: str, to_version: str | None, by: str = "pilotage", *, noted: bool = True
) -> str:
    """Send every user to `to_version`, by default the stable version; returns what it did in a sentence.

    Raises AdapterError (NothingToTakeBack if no instance of it answers): users then stay where they are. Blocks for
    about ten seconds at most. noted: the worker that continues the rollout must treat this as an abort.
    """
    return take_back_at(place_of(directory, service, environment), to_version, by, noted=noted)


def take_back_at(place: Path, to_version: str | None, by: str = "pilotage", *, noted: bool = True) -> str:
    """As `take_back`, of the target whose files are in `place`, or were when its router was started."""
    moved = (folder.parent for record in RECORDS for folder in marks.folders_now(place, record))
    place = next(moved, place)
    routers, flag = list(found_routers(router_folders(place))), flag_at(place)
    if not routers and flag is None:
        raise NothingToTakeBack(f"no router was started in {place}")
    splits = [split for router in routers if (split := router.split())]
    before = list(dict.fromkeys(version for split in splits for version, _ in split.weights))
    try:
        version = to_version or _stable(place, before)
    except NothingToTakeBack:
        if flag is None:
            raise
        version = ""  # the flag goes off, wherever the traffic is
    there = _answering(place, version, before) if routers and version else []
    if not there and flag is None:
        raise NothingToTakeBack(f"no instance of {version} responds, so the traffic stays where it is: {_NAME_ONE}")
    # Without a store there is no store's clock; the machine's own is good enough for a note.
    rescued = Rescued(at=SYSTEM.now(), by=by, to=version)
    reach("rescue")
    if noted:
        # Before any change: a worker with an outdated goal would undo a change without a note.
        _leave_word(place, rescued)
        reach("rescue-noted")
    off, still_on = turned_off(flag)
    did = "the code stays deployed, and nothing was stopped"
    if there:
        # Every one of them, also where another does not confirm it.
        confirmed = all(_led_all(routers, version, there))
        reach("rescue-led")
        others = ", ".join(sorted({artifact_of(name) for name in before} - {version}))
        did = f"all traffic goes to {version}{f', none to {others}' if others else ''}; nothing was stopped"
    did = f"{off}; {did}" if off else did
    if noted:
        _note_in_journal(place, rescued, did)
    if there and not confirmed:
        did += f". {_UNCONFIRMED}"
    if still_on is not None:
        raise AdapterError(f"{still_on}; {did}") from still_on
    return did


def remember(directory: Path, rollout: Rollout) -> None:
    """Leave a note of the stable version, for those who must return traffic without the store. Never raises: a full
    disk is no reason to stop. A first rollout that has not started does not know the stable version: an earlier note
    may be all that is left of a lost store."""
    state = rollout.state
    if state.old is None and state.at == 0 and stable_of(directory, rollout.service, rollout.environment):
        return
    stable = rollout.version if state.status is Status.COMPLETED else state.old or rollout.version
    path = place_of(directory, rollout.service, rollout.environment) / _STABLE
    if read_leniently(path) != (note := {"stable": stable, "rollout": rollout.id}):
        try:
            write_json(path, note)
        except OSError as error:
            _log.warning("cannot write %s: %s", path, error.strerror)


def stable_of(directory: Path, service: str, environment: str) -> str:
    """The version that was stable when a rollout last began or continued here; empty without a note."""
    return _noted_in(place_of(directory, service, environment))


def stable_at(place: Path) -> str:
    """As `stable_of`, of the target whose files are in `place`."""
    return _noted_in(place)


def leads_elsewhere(place: Path) -> bool:
    """Whether a router of `place` sends anyone, or may send anyone, to a version other than the stable one."""
    stable = _noted_in(place)
    splits = [split for split in _splits_of(place) if not split.closed]
    return any(split != Split(((stable, WHOLE),)) if stable else len(split.weights) > 1 for split in splits)


def is_closed(directory: Path, service: str, environment: str) -> bool:
    """Whether users get the maintenance page. Then nobody has the new version, and the data may be half migrated: only
    the rollout itself, which restores first, or an operator may open the service."""
    return any(split.closed for split in _splits_of(place_of(directory, service, environment)))


def _splits_of(place: Path) -> list[Split]:
    """The split that each router of `place` is set to, if it is known."""
    return [split for router in found_routers(router_folders(place)) if (split := router.split())]


def standing(directory: Path, service: str, environment: str) -> Rescued | None:
    """What was done here without the store, and has not been taken into the record yet."""
    return standing_at(place_of(directory, service, environment))


def standing_at(place: Path) -> Rescued | None:
    """As `standing`, of the target whose files are in `place`."""
    try:
        # At every look of every rollout there is nothing there: a path of text is found out about at half the cost.
        at = os.stat(f"{place}/{_RESCUED}").st_mtime  # noqa: PTH116
    except OSError:
        return None
    found = read_leniently(place / _RESCUED)
    if isinstance(found, dict) and isinstance(found.get("at"), int | float) and found.get("to"):
        return Rescued(at=float(found["at"]), by=str(found.get("by") or "pilotage"), to=str(found["to"]))
    # The disk had no room for words; the router's files say what was done.
    splits = [router.split() for router in found_routers(router_folders(place))]
    split = splits[0] if splits and all(one == splits[0] for one in splits) else None
    return Rescued(at=at, to=split.weights[0][0] if split and len(split.weights) == 1 else "")


def settled(directory: Path, service: str, environment: str) -> None:
    """The record says it too; the note may go."""
    with contextlib.suppress(OSError):
        (place_of(directory, service, environment) / _RESCUED).unlink(missing_ok=True)


def _noted_in(place: Path) -> str:
    found = read_leniently(place / _STABLE)
    return str(found.get("stable") or "") if isinstance(found, dict) else ""


def _stable(place: Path, before: list[str]) -> str:
    """The version to return to: the one it was returned to already, otherwise that of the note, otherwise by the
    router's files, in which the growing version comes first. Raises NothingToTakeBack."""
    for note, name in ((_RESCUED, "to"), (_STABLE, "stable")):
        found = read_leniently(place / note)
        if isinstance(found, dict) and isinstance(found.get(name), str) and found[name]:
            return str(found[name])
    named = list(dict.fromkeys(artifact_of(version) for version in before))
    if len(named) > 1:
        return named[-1]
    # A version that has all traffic may be stable, or one whose last step is analysed.
    known = f"{named[0]} has all traffic" if named else "the router's files do not show the current weights"
    raise NothingToTakeBack(f"{known}, and the stable version is unknown: name it with --to")


def _answering(place: Path, version: str, before: list[str]) -> list[tuple[str, int]]:
    """Instances of `version` that answer, by the fleet's records; where none of it can be read, those to which the
    router sends now. Its files keep older addresses too, and a port may be someone else's by now."""
    found = {address for named, address in _instances(place) if named == version}
    if not found and version in before:
        routers = found_routers(router_folders(place))
        found = {address for router in routers for address in router.addresses(version)}
    with ThreadPoolExecutor(16) as pool:
        asked = list(zip(sorted(found), pool.map(_answers, sorted(found)), strict=True))
    return [address for address, answers in asked if answers]


def _led_all(routers: Sequence[FoundRouter], version: str, there: Sequence[tuple[str, int]]) -> list[bool]:
    """Whether each router confirms it. One that cannot be changed keeps no other from its users; raises AdapterError
    where none can."""
    confirmed, failed = list[bool](), list[AdapterError]()
    for router in routers:
        try:
            confirmed.append(router.lead_all(version, there))
        except AdapterError as error:
            _log.warning("%s", error)
            failed.append(error)
    if not confirmed and failed:
        raise failed[0]
    return confirmed + [False] * len(failed)


def _instances(place: Path) -> list[tuple[str, tuple[str, int]]]:
    """Version and address of every instance that lives and is not about to stop, of records that can be read."""
    found = _contained(place)
    for path in sorted((place / "fleet").glob("*-*.json")):
        record = read_leniently(path)
        with contextlib.suppress(ValueError, OverflowError):
            if find(record, "stopping_since") is None and psutil.pid_exists(whole_at(record, "pid")):
                address = ("127.0.0.1", whole_at(record, "facts", "port"))
                found.append((text_at(record, "facts", "version"), address))
    return found


def _contained(place: Path) -> list[tuple[str, tuple[str, int]]]:
    """The same of containers on this machine, from the fleet's list; whether they live, only their answers tell."""
    known = read_leniently(place / "fleet" / "instances.json")
    with contextlib.suppress(ValueError):
        return [
            (text_at(one, "version"), ("127.0.0.1", whole_at(one, "port")))
            for one in list_at(known, "entries")
            if text_at(one, "host") == ""
        ]
    return []


def _answers(address: tuple[str, int]) -> bool:
    """Whether anything answers there, with any response: the health check's path is not known here."""
    try:
        with socket.create_connection(address, timeout=_ANSWERS_WITHIN) as connection:
            connection.sendall(_REQUEST)
            return bool(connection.recv(1))
    except OSError:
        return False


def _leave_word(place: Path, rescued: Rescued) -> None:
    """For the worker: the note that stays until it is recorded. Without disk space, the empty file is enough."""
    path = place / _RESCUED
    try:
        write_json(path, asdict(rescued))
    except OSError:
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _note_in_journal(place: Path, rescued: Rescued, did: str) -> None:
    line = json.dumps({"at": rescued.at, "did": did, "by": rescued.by}) + "\n"
    with contextlib.suppress(OSError), (place / _JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write(line)
