"""A change that waited for long writes only what is still wanted (rule 7): each case was overtaken while it waited."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters import routers
from pilotage.adapters.alone import alone_in
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import write_json
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers.change import Change, begun
from pilotage.adapters.taken_back import NOTE, TakenBack
from pilotage.model.traffic import Split, split_between

HALF, BACK = split_between("2.0", 500, "1.0"), Split((("1.0", 1000),))


def overtaken(change: Change, split: Split, by: Callable[[], object]) -> BaseException | None:
    """What a change that waits for the lock raises, or None if it writes, where `by` happens meanwhile."""
    came, raised = threading.Event(), list[BaseException]()

    def writes() -> None:
        came.set()
        try:
            with change.alone(split):
                pass
        except AdapterError as error:
            raised.append(error)

    with alone_in(change.folder):
        waiting = threading.Thread(target=writes)
        waiting.start()
        came.wait()
        by()
    waiting.join()
    return raised[0] if raised else None


def test_nothing_happened_meanwhile(tmp_path: Path) -> None:
    assert overtaken(begun(tmp_path / "router", Fence(tmp_path / "fence.json", 1)), HALF, lambda: None) is None


def test_a_newer_change_began_also_through_another_router_of_the_same_folder(tmp_path: Path) -> None:
    fence, folder = Fence(tmp_path / "fence.json", 1), tmp_path / "router"
    older = begun(folder, fence)
    newer = list[Change]()
    refused = overtaken(older, HALF, lambda: newer.append(begun(folder, fence)))
    assert "a newer change replaced this one" in str(refused)
    assert overtaken(newer[0], BACK, lambda: begun(tmp_path / "another router", fence)) is None


def test_another_controller_took_over(tmp_path: Path) -> None:
    change = begun(tmp_path / "router", Fence(tmp_path / "fence.json", 1))
    assert isinstance(overtaken(change, HALF, Fence(tmp_path / "fence.json", 2).check), Fenced)


def test_an_operator_took_users_back(tmp_path: Path) -> None:
    def leave() -> None:
        write_json(tmp_path / NOTE, {"at": 1.0, "by": "ann", "to": "1.0"})

    fence = Fence(tmp_path / "fence.json", 1)
    assert isinstance(overtaken(begun(tmp_path / "router", fence), HALF, leave), TakenBack)
    assert overtaken(begun(tmp_path / "router", fence), BACK, leave) is None
    for way_back in (None, Fence(tmp_path / "unused", 0)):
        assert overtaken(begun(tmp_path / "router", way_back), HALF, leave) is None, "nothing holds up who leads users"


def folders_files() -> list[Path]:
    return sorted(Path(routers.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("file", folders_files(), ids=lambda file: file.stem)
def test_every_router_looks_again_next_to_its_write(file: Path) -> None:
    text = file.read_text()
    sets = "    def apply(self, split: Split, backends: Backends) -> None:" in text
    if sets and file.stem != "several":
        assert " begun(self." in text, "it writes what may be wanted no more"
