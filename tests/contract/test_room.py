"""Before the preview doubles the service, this machine has room for it, or the release waits (R12)."""

from __future__ import annotations

import os

import psutil

from pilotage.adapters.room import Room
from pilotage.model.observation import Health, Instance


def instance(number: int, memory: int, cpu: float) -> Instance:
    return Instance(f"i{number}", "v1", "127.0.0.1", 9000 + number, Health.HEALTHY, memory=memory, cpu=cpu)


def test_memory_that_is_not_there_is_named() -> None:
    half = psutil.virtual_memory().total // 2
    said = Room().lacks([instance(1, half, 1.0), instance(2, half, 1.0)], 2, 10.0)
    assert "MB are available on this machine" in said


def test_processors_that_the_service_fills_already_are_not_doubled() -> None:
    room, cores = Room(), os.cpu_count() or 1
    assert "being measured" in room.lacks([instance(1, 1 << 20, 0.0)], 1, 10.0)
    said = room.lacks([instance(1, 1 << 20, 10.0 * cores)], 1, 20.0)
    assert f"this machine has {cores}" in said


def test_a_service_that_fits_twice_begins() -> None:
    room = Room()
    room.lacks([instance(1, 1 << 20, 0.0)], 1, 10.0)
    assert room.lacks([instance(1, 1 << 20, 0.1)], 1, 20.0) == ""
