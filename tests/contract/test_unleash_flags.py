"""Every sentence of the Flags port on a real unleash-server, whose own evaluation engine answers as services do (R16,
R28)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from yggdrasil_engine.engine import UnleashEngine

from pilotage.adapters.flags.unleash import UnleashFlags
from pilotage.adapters.flags.unleash_adapter import ADAPTER
from pilotage.model.flag import Ramp
from pilotage.model.segment import Segment
from pilotage.testing.contracts.flags import FlagsContract
from pilotage.testing.harness import FlagsUnderTest, written
from tests.contract.unleash_flags import context_at, edit, evaluator, section_of, strategies
from tests.unleash import Unleash, at

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("unleash")]


class TestUnleash(FlagsContract):
    @pytest.fixture
    def flag(self, unleash_server: Unleash, tmp_path: Path) -> FlagsUnderTest:
        server, fresh = unleash_server, list[UnleashEngine]()
        name, other = server.make_flag(), server.make_flag()

        class Watched(UnleashFlags):
            def apply(self, ramp: Ramp) -> None:
                fresh.clear()
                super().apply(ramp)

        def opens(token: int, segments: Mapping[str, Segment] | None = None) -> UnleashFlags:
            return Watched(section_of(server.url, name, segments=written(segments or {})), context_at(tmp_path, token))

        def evaluate(user: str, attributes: Mapping[str, str | int | float]) -> bool:
            if not fresh:
                fresh.append(evaluator(server))
            told = {"userId": user, "properties": {key: str(value) for key, value in attributes.items()}}
            return bool(fresh[0].check_enabled(name, told).is_enabled)

        def edit_neighbour(value: str) -> None:
            server.ask("POST", f"{at(other)}/strategies", {"name": "default", "title": value})

        return FlagsUnderTest(
            open=opens, open_with=opens, can=ADAPTER.capabilities, evaluate=evaluate,
            edit=lambda: edit(server, name), edit_neighbour=edit_neighbour,
            neighbour=lambda: str(strategies(server, other)[-1]["title"]),
        )  # fmt: skip
