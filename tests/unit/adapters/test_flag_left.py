"""R16: what a rollout left at a flag's provider is known on a full disk, too, and a note that is too old is none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pilotage.adapters.flags import left as module
from pilotage.adapters.flags.left import Left
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp

ONE, FIVE, TEN = Ramp((), 10), Ramp((), 50), Ramp((), 100)


def test_r16_on_a_full_disk_our_own_change_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = Left(tmp_path, "r1")
    left.write(OFF, ONE, lambda: None)
    with monkeypatch.context() as full:

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(module, "write_json", refuse)
        left.write(ONE, FIVE, lambda: None)
        left.expect(FIVE, "the flag")
        with pytest.raises(AdapterError, match="changed by someone else"):
            left.expect(TEN, "the flag")
        left.expect_below(FIVE, TEN, "the flag")
        Left(tmp_path, "r1").expect_below(FIVE, TEN, "the flag")
    left.write(FIVE, TEN, lambda: None)
    Left(tmp_path, "r1").expect(TEN, "the flag")
