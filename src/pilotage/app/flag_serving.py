"""`pilotage flag serve`: the flags of a project, for services without a flag service, and for a flagd.

It is a process of its own, which only reads the files. A rollout does not need it: what a service last heard stays with
it, and the file is the truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.model.address import is_loopback
from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pilotage.adapters.flags.flag_server import FlagSets
    from pilotage.adapters.flags.sync_server import SyncServer
    from pilotage.adapters.secrets import Secret

_LOOK_EVERY = 1.0


class NoFlags(Invalid):
    """No environment of `pilotage.yaml` has a flag in a file."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """sync: the port of gRPC; None without · sets: names of the sets."""

    port: int
    sync: int | None
    sets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """listen: for HTTP · sync: for gRPC; None: not wanted · token: a reference to a secret · rate: requests a
    second."""

    listen: tuple[str, int]
    sync: tuple[str, int] | None = None
    token: str = ""
    rate: int = 1000


@contextmanager
def served(project: Project, environment: str | None, wanted: Wanted, say: Callable[[str], None]) -> Iterator[Serving]:
    """say: gets a sentence when a file becomes unreadable or readable. Raises NoFlags, AdapterError."""
    from pilotage.adapters.flags.flag_server import FlagServer, Rate

    sets = sets_of(project, environment, say)
    token = _token(wanted.token) if wanted.token else None
    for host, port in filter(None, (wanted.listen, wanted.sync)):
        if token is None and not is_loopback(host):
            say(f"anyone who reaches {host}:{port} can read the flags: set --token")
    ended = threading.Event()
    with FlagServer(wanted.listen, sets, token, Rate(wanted.rate)) as server:
        sync = _sync_server(wanted.sync, sets, token) if wanted.sync is not None else None
        threading.Thread(target=_watch, args=(sets, ended), daemon=True).start()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield Serving(port=server.server_port, sync=sync.port if sync else None, sets=tuple(sets.files))
        finally:
            ended.set()
            server.shutdown()
            if sync is not None:
                sync.stop()


def _token(reference: str) -> Secret:
    from pilotage.adapters.secrets import resolve

    if not reference.startswith(("secret://env/", "secret://file/")):
        # What was given may be the secret: it is not repeated.
        cure = "write secret://env/NAME or secret://file/PATH"
        raise Invalid("takes a reference to the secret, not the secret itself", where="--token", cure=cure)
    return resolve(reference)


def _sync_server(place: tuple[str, int], sets: FlagSets, token: Secret | None) -> SyncServer:
    try:
        from pilotage.adapters.flags.sync_server import SyncServer
    except ImportError as error:
        what = f"flagd's gRPC sync needs {error.name}, which is not installed"
        raise AdapterError(what, cure=installing("flagd")) from None
    return SyncServer(place, sets, token)


def sets_of(project: Project, environment: str | None, say: Callable[[str], None]) -> FlagSets:
    """By `service/environment`; environments that share a file share what was read of it. Raises NoFlags."""
    from pilotage.adapters.flags.flag_server import FlagSets
    from pilotage.adapters.flags.flagd_adapter import FlagdSection
    from pilotage.adapters.flags.served_file import ServedFile

    whole, files, found = project.whole, dict[Path, ServedFile](), dict[str, ServedFile]()
    services = tuple(project.names.environments) if project.service is None else (project.service,)
    for service in services:
        configured = (whole.of(service) if whole.configuration.services else whole).configuration
        for name, settings in configured.environments.items():
            if environment in (None, name) and isinstance(settings.flag, FlagdSection):
                path = (project.folder / settings.flag.file).resolve()
                found[f"{configured.service}/{name}"] = files.setdefault(path, ServedFile(path, say))
    if not found:
        what = f"no environment of {project.config} has a flag in a file"
        raise NoFlags(what, cure="add one, such as `flag: {file: flags.json, key: new-checkout}`")
    return FlagSets(files=found)


def _watch(sets: FlagSets, ended: threading.Event) -> None:
    """See a file become unreadable though nobody asks."""
    while not ended.wait(_LOOK_EVERY):
        for file in sets.distinct:
            file.current()
