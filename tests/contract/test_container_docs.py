"""The guide to containers: its examples, read and run as they stand there; only the image and the limits are others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.container_adapter import ADAPTER, ContainerFleetSection
from pilotage.config.loading import load
from pilotage.testing.contracts.fleet import healthy, wait
from tests.containers import LIMITS, Podman, a_podman

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("podman")]
PAGE = (Path(__file__).parents[2] / "docs/guides/containers.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with a_podman() as podman:
        podman.build("localhost/shop:1.4.0")
        yield podman


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(tmp_path: Path, example: str) -> None:
    answers = (
        "{release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly, "
        "risk_tolerance: low, stakeholder_complexity: [customer-facing]}"
    )
    (tmp_path / "pilotage.yaml").write_text(f"service: shop\nanswers: {answers}\n{example}\n")
    load(tmp_path / "pilotage.yaml")


def test_the_first_example_runs_and_the_commands_of_the_page_show_it(
    tmp_path: Path, podman: Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db")
    written = yaml.safe_load(EXAMPLES[0])["environments"]["production"]["fleet"]
    here = {"image": "localhost/shop:{version}", "runtime": "podman", "runtime_args": podman.args, "limits": LIMITS}
    section = ContainerFleetSection.model_validate({**written, **here})
    fence = Fence(tmp_path / "fence.json", 1)
    context = Context(directory=tmp_path / "fleet", fence=fence, service="shop", environment="live", folder=tmp_path)
    fleet = ADAPTER.open(section, context)
    fleet.ensure("1.4.0", 2)
    wait(fleet, healthy("1.4.0", 2), 30)
    filters, inspect = re.findall(r"^podman (.*)$", PAGE, re.MULTILINE)
    assert len(podman(*filters.split(), "--quiet").split()) == 2
    template = re.findall(r"'(.*)'", inspect)[0]
    assert podman("inspect", "--format", template, podman.names()[0]).startswith("localhost/shop@sha256:")
    fleet.stop()
    assert podman.names() == []
