"""How an instance on a host is: from what the host says of it, and what its health check answers from here."""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections.abc import Callable

from pilotage.adapters.fleets.census import Known
from pilotage.adapters.health import Answer
from pilotage.adapters.hosts.runner import Found
from pilotage.model.observation import Health, Instance

_FOR_NOW = (408, 425, 429)
"""Statuses below 500 by which a server says that it may answer otherwise later."""
_REFUSES_AFTER = 0.8
"""Seconds for which an instance answers like that until it is believed."""
_WRONG_PATH = "Set fleet.health_check_path to a path that returns 2xx without a login"
_SLOW_START = 5.0
_YOUNG = 60.0
"""Seconds after its start in which an instance that ended may have found its port taken."""


class Wellness:
    """Of the instances of one fleet. path: that of the health check."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._refusing: dict[str, float] = {}

    def instance(
        self, one: Known, place: tuple[str, int], answer: Answer | None, *, stopping: bool, public: Callable[[str], str]
    ) -> Instance:
        """answer: of the health check, None if it was not asked · stopping: asked to stop, as far as is known here ·
        public: leaves out what nobody may read."""
        found, trouble = one.found, one.trouble
        if trouble:
            health, detail = self._unheard(answer, trouble)
        elif found is None:
            health, detail = (Health.STOPPING if stopping else Health.STARTING), ""
        else:
            health, detail = self._heard(found, answer, stopping or _lost_its_port(found, place))
        refuses = found is not None and found.running and self._refuses(one.entry.id, answer)
        memory, cpu = (found.memory, found.cpu) if found is not None and not trouble else (None, None)
        return Instance(one.entry.id, one.entry.version, *place, health, memory, public(detail), cpu, refuses)

    def _unheard(self, answer: Answer | None, trouble: str) -> tuple[Health, str]:
        """Its host cannot be asked: it is healthy if it says so itself, and unhealthy otherwise."""
        if answer is not None and answer.status is not None and 200 <= answer.status < 300:
            return Health.HEALTHY, f"answers its health check, although {trouble}"
        return Health.UNHEALTHY, trouble

    def _heard(self, found: Found, answer: Answer | None, stopping: bool) -> tuple[Health, str]:
        if found.stopping or (stopping and found.running):
            return Health.STOPPING, ""
        if not found.running:
            return (Health.STOPPING if stopping else Health.EXITED), found.detail
        if answer is None:
            return Health.STARTING, ""
        if answer.status is None:
            return (Health.STARTING if found.age < _SLOW_START else Health.UNHEALTHY), answer.detail
        if 200 <= answer.status < 300:
            return Health.HEALTHY, ""
        cure = f". {_WRONG_PATH}" if 300 <= answer.status < 500 and answer.status not in _FOR_NOW else ""
        return Health.UNHEALTHY, f"{self._path} returns {answer.status}{cure}"

    def _refuses(self, name: str, answer: Answer | None) -> bool:
        """Whether its health check has answered for a while as no starting program does: with a client error (4xx),
        such as 404, or a redirect (3xx)."""
        if answer is not None and answer.status is not None and 200 <= answer.status < 300:
            self._refusing[name] = math.inf  # it knows its path, so any later answer is a temporary one
        if answer is None or answer.status is None or not 300 <= answer.status < 500 or answer.status in _FOR_NOW:
            return False
        return time.monotonic() - self._refusing.setdefault(name, time.monotonic()) >= _REFUSES_AFTER


def _lost_its_port(found: Found, place: tuple[str, int]) -> bool:
    """Whether it ended right after its start and someone else listens on its port: between the choice of a free port
    and its use another program took it. That is no fault of the version, and `ensure` starts another."""
    if found.running or found.stopping or found.age > _YOUNG:
        return False
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)) as probe:
        probe.settimeout(0.5)
        with contextlib.suppress(OSError):
            return probe.connect_ex(place) == 0
    return False
