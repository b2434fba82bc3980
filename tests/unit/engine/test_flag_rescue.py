"""R16: without a store, a flag's provider that fails keeps no traffic from stable, and the reverse."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.taken_back import TakenBack
from pilotage.engine.placement.location import place_of
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.flag import OFF, Ramp

KEY = "new-checkout"
REMOTE = {
    "kind": "launchdarkly", "key": KEY, "project": "shop", "environment": "production",
    "token": "secret://env/NO_SUCH_TOKEN_HERE", "url": "http://127.0.0.1:1",
}  # fmt: skip


class FakeRouter:
    """Sends everyone where it is told."""

    to = ""

    def split(self) -> None:
        return None

    def addresses(self, _: str) -> list[tuple[str, int]]:
        return []

    def lead_all(self, version: str, _: object) -> bool:
        self.to = version
        return True


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = place_of(tmp_path, "shop", "production")
    made.mkdir(parents=True)
    return made


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch, place: Path) -> FakeRouter:
    """Next to an instance of 1.0 that answers."""
    made = FakeRouter()
    monkeypatch.setattr(rescue, "found_routers", lambda _: [made])
    (place / "stable.json").write_text(json.dumps({"stable": "1.0"}))
    monkeypatch.setattr(rescue, "_answering", lambda *_: [("127.0.0.1", 1)])
    return made


def note(place: Path, section: dict[str, str]) -> None:
    (place / "flag.json").write_text(json.dumps({"section": section, "folder": str(place)}))


def test_r16_traffic_goes_to_stable_though_the_flag_cannot_be_turned_off(place: Path, router: FakeRouter) -> None:
    note(place, REMOTE)
    with pytest.raises(AdapterError, match=r"NO_SUCH_TOKEN_HERE.*; all traffic goes to 1\.0"):
        rescue.take_back_at(place, None)
    assert router.to == "1.0"
    assert (place / "rescued.json").exists()


@pytest.mark.parametrize("gone", ["pilotage.adapters.flags.flagd_file", "openfeature.contrib.tools.flagd.core"])
def test_r16_an_extra_that_is_missing_keeps_no_traffic_from_stable(
    place: Path, router: FakeRouter, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(place, {"kind": "flagd", "key": KEY, "file": "flags.json"})
    FlagdFile(place / "flags.json", KEY, Fence(place / "fence.json", 0)).apply(Ramp((), 100))
    monkeypatch.setitem(sys.modules, gone, None)
    with contextlib.suppress(AdapterError):  # the flag stays on
        assert "reading it back failed" in rescue.take_back_at(place, None)
    assert router.to == "1.0"


@pytest.mark.parametrize("stable", ["1.0", ""])
def test_r16_the_flag_goes_off_and_stays_off_where_no_router_is_known(place: Path, stable: str) -> None:
    """A load balancer elsewhere leaves no files here, and without a note nobody knows what is stable."""
    note(place, {"kind": "flagd", "key": KEY, "file": "flags.json"})
    if stable:
        (place / "stable.json").write_text(json.dumps({"stable": stable}))
    flags = FlagdFile(place / "flags.json", KEY, Fence(place / "fence.json", 0))
    flags.apply(Ramp((), 100))
    assert rescue.find_place(place.parents[1], None, None) == place
    assert "is off for everyone; the code stays deployed" in rescue.take_back_at(place, None)
    assert flags.read() == OFF
    with pytest.raises(TakenBack):
        flags.apply(Ramp((), 200))
