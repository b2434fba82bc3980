from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.site import Served, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 with the least work: a hash that keeps strangers out takes a tenth of a second."""
    from argon2 import PasswordHasher
    from argon2.profiles import CHEAPEST

    from pilotage.app.identity import passwords

    monkeypatch.setattr(passwords, "_hasher", lambda: PasswordHasher.from_parameters(CHEAPEST))
    monkeypatch.setattr(passwords, "_nobodys", lambda: _NOBODYS)


_NOBODYS = "$argon2id$v=19$m=8,t=1,p=1$/XZSO+/32cU$aQoFPw"


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are recorded, and nobody handles them."""
    from pilotage.app import commands
    from pilotage.app.homes import Attended
    from pilotage.app.project import Project
    from pilotage.app.way import control
    from pilotage.web.api import releasing

    monkeypatch.setattr(Project, "ensure_worker", lambda _: None)
    monkeypatch.setattr(control, "_ANSWER_DEADLINE", 0.0, raising=False)
    for module in (commands, releasing):
        monkeypatch.setattr(module, "attend", lambda *_: Attended.NOBODY)
