"""What others of the machine, and the released programs themselves, get to see: nothing that is Pilotage's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from .conftest import Make

pytestmark = pytest.mark.real

SECRETS = {
    "PAYROLL_DB": "hush-payroll",
    "SLACK_TOKEN": "hush-slack",
    "AWS_SECRET_ACCESS_KEY": "hush-aws",
    "SHOP_KEY": "hush-key",
}


def test_a_rollout_leaves_nothing_that_others_can_read_and_hands_no_secret_on(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a umask that allows everything: modes of files, and environments of instances, Envoy and hooks."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    before = os.umask(0)
    try:
        it = shop(strategy="blue-green")
        fleet = it.section("fleet")
        it.configure(
            fleet={**fleet, "env": {"KEY": "secret://env/SHOP_KEY"}, "pass_env": ["PYTHONPATH"]},
            checks={
                "check-smoke": [
                    {"command": ["sh", "-c", "env | cut -d= -f1; exit 1"], "env": {"HOOK": "secret://env/SHOP_KEY"}}
                ]
            },
        )
        it.release("1.0.0")
        # The hook fails, so that everything stays as it is, for study.
        it.run("deploy", "1.0.0", expect=5)
    finally:
        os.umask(before)
    state = tmp_path / ".pilotage"
    open_to_others = [str(p) for p in (state, *state.rglob("*")) if stat.S_IMODE(p.lstat().st_mode) & 0o077]
    assert open_to_others == []
    (hook,) = state.rglob("*.result.log")
    seen = set(hook.read_text().split())
    assert {"HOOK", "PATH", "PILOTAGE_VERSION"} <= seen
    assert not SECRETS.keys() & seen
    written = [p for p in state.rglob("*") if p.is_file() and b"hush-" in p.read_bytes()]
    assert written == []
    (instance, *_) = it.instances("1.0.0")
    assert instance.environ()["KEY"] == "hush-key"
    assert not SECRETS.keys() & instance.environ().keys()
    assert "hush-" not in str(it.envoy().environ())
