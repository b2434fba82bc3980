"""Which algorithm divides users (R16): each evaluator of flagd's definitions names its own, and a fleet has one."""

from __future__ import annotations

from pathlib import Path

import cbor2
import mmh3
import pytest

from pilotage import openfeature
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags import bucketing
from pilotage.adapters.flags.flagd_adapter import ADAPTER, FlagdSection
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.metrics.variants import VariantMetrics
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import JsonObject, list_at, text_at
from pilotage.model.observation import Health, Instance
from tests.unit.openfeature.test_variant_counter import Page


def by_float(text: str, weights: list[int]) -> int:
    """flagd before 0.15 (core/pkg/evaluator/fractional.go, v0.13.2)."""
    percentage = abs(mmh3.hash(text)) / (2**31 - 1) * 100
    bounds = [100 * sum(weights[: n + 1]) / sum(weights) for n in range(len(weights))]
    return next(n for n, bound in enumerate(bounds) if percentage < bound)


def by_integer(text: str, weights: list[int]) -> int:
    """flagd from 0.15."""
    return scaled(mmh3.hash(text, signed=False), weights)


def by_cbor(text: str, weights: list[int]) -> int:
    """openfeature-flagd-core from 2.0."""
    return scaled(mmh3.hash(cbor2.dumps(text), signed=False), weights)


def scaled(hashed: int, weights: list[int]) -> int:
    bucket = (hashed * sum(weights)) >> 32
    return next(n for n in range(len(weights)) if bucket < sum(weights[: n + 1]))


def test_each_algorithm_answers_the_probe_with_its_own_name() -> None:
    text, *variants = list_at(bucketing.PROBE, "targeting", "fractional")
    assert isinstance(text, str)
    names = [text_at(one, 0) for one in variants]
    for name, algorithm in (("float", by_float), ("integer", by_integer), ("cbor", by_cbor)):
        assert names[algorithm(text, [1, 1, 1])] == name


def test_r16_the_three_give_the_same_share_to_different_users() -> None:
    users = [f"new-checkoutuser-{n}" for n in range(4000)]
    on = {f.__name__: {user for user in users if f(user, [250, 750]) == 0} for f in (by_float, by_integer, by_cbor)}
    assert all(abs(len(some) - 1000) < 150 for some in on.values())
    assert len(on["by_float"] & on["by_integer"]) < 700
    assert len(on["by_integer"] & on["by_cbor"]) < 400


def test_pilotage_says_which_one_it_has(tmp_path: Path) -> None:
    assert bucketing.own() == "cbor"
    assert openfeature.BUCKETING == bucketing.KEY
    assert ADAPTER.examine is not None
    section = FlagdSection.model_validate({"file": "flags.json", "key": "checkout"})
    (finding,) = ADAPTER.examine(section, context(tmp_path))
    assert (finding.result, finding.sentence) == (
        "PASS", "flags.json gives it to 0 % of users; Pilotage divides them by the algorithm cbor"
    )  # fmt: skip
    (tmp_path / "flags.json").write_text("{")
    (finding,) = ADAPTER.examine(section, context(tmp_path))
    assert (finding.result, "cannot be read" in finding.sentence) == ("FAIL", True)


def context(folder: Path) -> Context:
    fence = Fence(folder / "fence.json", 1)
    return Context(directory=folder, fence=fence, service="shop", environment="production", folder=folder)


def test_the_probe_stands_beside_the_flag(tmp_path: Path) -> None:
    flag = FlagdFile(tmp_path / "flags.json", "checkout", Fence(tmp_path / "fence.json", 1))
    flag.apply(Ramp((), 100))
    flag.apply(OFF)
    assert (tmp_path / "flags.json").read_text().count(bucketing.KEY) == 1
    assert flag.read() == OFF


class Said(openfeature.VariantCounter):
    """An instance that names an algorithm."""

    algorithm = ""

    def page(self) -> str:
        named = f'pilotage_flag_bucketing{{flag="checkout",algorithm="{self.algorithm}"}} 1\n'
        return super().page() + (named if self.algorithm else "")


def test_r16_instances_with_different_algorithms_are_not_judged_and_named() -> None:
    counters, pages = [Said("checkout"), Said("checkout")], list[Page]()
    pages = [Page(counter) for counter in counters]
    instances = [
        Instance(f"i{n}", "1", "127.0.0.1", page.instance.port, Health.HEALTHY) for n, page in enumerate(pages)
    ]
    metrics = VariantMetrics(lambda: instances, "/metrics", "checkout")
    try:
        cursor: JsonObject | None = metrics.observe(["on", "off"], None).cursor
        counters[0].algorithm = "cbor"  # the other one does not know yet
        cursor = metrics.observe(["on", "off"], cursor).cursor
        counters[1].algorithm = "integer"
        with pytest.raises(AdapterError, match=r"different algorithms \(i0: cbor, i1: integer\)"):
            metrics.observe(["on", "off"], cursor)
        counters[0].algorithm = "integer"
        with pytest.raises(AdapterError, match="by the algorithm cbor and are by integer now"):
            metrics.observe(["on", "off"], cursor)
        for counter in counters:
            counter.algorithm = "cbor"
        assert metrics.observe(["on", "off"], cursor).of("on").requests == 0
        counters[0].algorithm = "x" * 100
        metrics.observe(["on", "off"], cursor)
    finally:
        for page in pages:
            page.close()
