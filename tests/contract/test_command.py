"""`kind: command`: the example of docs/guides/adapters.md and a program for each port keep the contracts."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters import registry
from pilotage.adapters.command.program import Program
from pilotage.adapters.context import Context
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import open_channel
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError, AwaitsApproval, Fenced
from pilotage.model.capabilities import FlagsCapabilities, Port, RouterCapabilities
from pilotage.model.flag import OFF, Ramp
from pilotage.model.message import Message, Severity
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between
from pilotage.testing import CountsUnderTest, FlagsUnderTest, FleetUnderTest, NotifierUnderTest
from pilotage.testing.contracts.flags import FlagsContract
from pilotage.testing.contracts.fleet import FleetContract
from pilotage.testing.contracts.metrics import MetricsContract
from pilotage.testing.contracts.notifier import NotifierContract
from pilotage.testing.contracts.router_cohorts import with_cohort

pytestmark = pytest.mark.real
DOCS = Path(__file__).parents[2] / "docs" / "guides" / "adapters.md"

PROGRAM = '''
import json, sys
from pathlib import Path
asked, file = json.load(sys.stdin), Path("state.json")
state = json.loads(file.read_text()) if file.exists() else {"up": [], "n": 0, "got": []}
answer, call = {}, asked["call"]
if call == "ensure":
    mine = [one for one in state["up"] if one["version"] == asked["version"]]
    for one in mine[asked["count"]:]:
        state["up"].remove(one)
    for _ in range(asked["count"] - len(mine)):
        state["n"] += 1
        address = f"10.0.0.1:{state['n']}"
        new = {"id": f"i{state['n']}", "version": asked["version"], "address": address, "health": "healthy"}
        state["up"].append(new)
elif call == "replace":
    replaced = asked["instance"], asked["version"]
    state["up"] = [one for one in state["up"] if (one["address"], one["version"]) != replaced]
elif call == "stop":
    state = {"up": [], "n": 0, "got": []}
elif call == "instances":
    answer["instances"] = state["up"]
elif call == "observe":
    if state.get("silent"):
        sys.exit("no database")
    answer = {"totals": state.get("totals", {}), "started": state.get("started", "1")}
elif call == "query":
    answer["values"] = [len(asked["query"]), 0.5]
elif call == "apply":
    state |= {"split": asked["split"], "backends": asked["backends"]}
elif call == "read":
    answer["split"] = state.get("split")
elif call == "endpoints":
    answer["endpoints"] = state.get("backends")
elif call == "send":
    if (refusal := state.pop("refuse", None)) is not None:
        file.write_text(json.dumps(state))
        print("not today", file=sys.stderr)
        sys.exit(refusal)
    state["got"].append([asked["message"]["key"], asked["message"]["text"][:1000]])
    answer["receipt"] = {"number": len(state["got"])}
file.write_text(json.dumps(state))
print(json.dumps(answer))
'''  # fmt: skip


class Place:
    """A folder with the program in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "adapter.py").write_text(PROGRAM)

    def open(self, port: Port, token: int = 1, run: str = "adapter.py", **more: Any) -> Any:
        adapter = registry.get(port, "command")
        section = adapter.section.model_validate({"kind": "command", "command": [sys.executable, run], **more})
        context = Context(
            directory=self.folder, fence=Fence(self.folder / "fence.json", token), service="shop",
            environment="production", folder=self.folder,
        )  # fmt: skip
        return adapter.open(section, context)

    @property
    def state(self) -> dict[str, Any]:
        file = self.folder / "state.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"up": [], "n": 0, "got": []}
        return found

    def change(self, **changes: Any) -> None:
        (self.folder / "state.json").write_text(json.dumps({**self.state, **changes}))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class TestTheExampleOfTheDocs(FlagsContract):
    @pytest.fixture
    def flag(self, place: Place) -> FlagsUnderTest:
        example = next(
            block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S) if "flag.py:" in block
        )
        assert len(example.splitlines()) <= 30
        (place.folder / "flag.py").write_text(example)

        def edit(value: str) -> None:
            file = place.folder / "flags.json"
            flags = json.loads(file.read_text()) if file.exists() else {}
            file.write_text(json.dumps({**flags, "other": value}))

        return FlagsUnderTest(
            open=lambda token: place.open(Port.FLAGS, token, "flag.py", key="checkout"),
            can=FlagsCapabilities(operators=()),
            edit_neighbour=edit,
            neighbour=lambda: str(json.loads((place.folder / "flags.json").read_text())["other"]),
        )


PROVIDER = """
import json, sys
from pathlib import Path
asked, kept = json.load(sys.stdin), Path("kept.json")
ramp = json.loads(kept.read_text()) if kept.exists() else {"groups": [], "weight_percent": 0}
answer = {"ramp": ramp}
if asked["call"] == "apply":
    Path("segments.json").write_text(json.dumps(asked["segments"]))
    if Path("approved").exists() or not asked["ramp"]["groups"]:
        kept.write_text(json.dumps(asked["ramp"]))
    else:
        answer = {"awaits_approval": "approve it at https://flags.example/7"}
print(json.dumps(answer))
"""


def test_r16_a_program_gets_the_rules_of_segments_and_may_wait_for_an_approval(place: Place) -> None:
    (place.folder / "provider.py").write_text(PROVIDER)
    rules = {"free-tier": {"attribute": "tier", "values": ["free"]}}
    flags = place.open(Port.FLAGS, 1, "provider.py", key="checkout", segments=rules, operators=["in"])
    wanted = Ramp(("internal", "free-tier"), 0)
    with pytest.raises(AwaitsApproval, match=r"^approve it at https://flags\.example/7$"):
        flags.apply(wanted)
    assert json.loads((place.folder / "segments.json").read_text()) == {
        "internal": [{"attribute": "group", "operator": "in", "values": ["internal"]}],
        "free-tier": [{"attribute": "tier", "operator": "in", "values": ["free"]}],
    }
    assert flags.read() == OFF
    (place.folder / "approved").touch()
    flags.apply(wanted)
    assert flags.read() == wanted


class TestFleet(FleetContract):
    @pytest.fixture
    def run(self, place: Place) -> FleetUnderTest:
        return FleetUnderTest(open=lambda token: place.open(Port.FLEET, token))


class TestMetrics(MetricsContract):
    @pytest.fixture
    def counts(self, place: Place) -> CountsUnderTest:
        def happen(version: str, well: int, failed: int) -> None:
            totals = place.state.get("totals", {})
            had = totals.get(version, {"requests": 0, "errors": 0})
            both = {"requests": had["requests"] + well + failed, "errors": had["errors"] + failed}
            place.change(totals={**totals, version: both})

        return CountsUnderTest(
            open=lambda: place.open(Port.METRICS),
            happen=happen,
            restart=lambda: place.change(totals={}, started="2"),
            silence=lambda: place.change(silent=True),
        )


class TestNotifier(NotifierContract):
    @pytest.fixture
    def channel(self, place: Place) -> NotifierUnderTest:
        return NotifierUnderTest(
            notifier=place.open(Port.NOTIFY),
            received=lambda: [key for key, _ in place.state["got"]],
            shown=lambda: " ".join(text for _, text in place.state["got"]),
            refuse=lambda permanent: place.change(refuse=4 if permanent else 1),
        )


def test_a_router_is_told_and_read_in_percent(place: Place) -> None:
    router = place.open(Port.ROUTER, capabilities=["endpoints"], url="https://shop.example/")
    assert (router.read(), router.endpoints(), router.url()) == (None, None, "https://shop.example")
    backends = {"1.0": [("10.0.0.1", 80)], "2.0": [("::1", 81)]}
    split = Split((("2.0", 5), ("1.0", 995)), (HeaderRoute("x-t", "y", "2.0"),), Mirror("2.0", 100))
    router.apply(split, backends)
    assert place.state["split"]["weights"] == {"2.0": 0.5, "1.0": 99.5}
    assert router.read() == split
    assert router.endpoints() == {"1.0": frozenset({("10.0.0.1", 80)}), "2.0": frozenset({("::1", 81)})}
    with pytest.raises(AdapterError, match=r"no instance of 3\.0"):
        router.apply(split_between("3.0", 100, "1.0"), backends)
    place.open(Port.ROUTER, 2).stop()
    with pytest.raises(Fenced):
        router.apply(split, backends)


def test_r33_a_router_is_told_the_members_of_a_cohort_if_its_section_says_how_many_it_takes(place: Place) -> None:
    backends = {"1.0": [("10.0.0.1", 80)], "2.0": [("10.0.0.1", 81)]}
    split = with_cohort(split_between("2.0", 5, "1.0"), ["acme", "globex"])
    with pytest.raises(AdapterError, match="cannot route by the members of a cohort"):
        place.open(Port.ROUTER).apply(split, backends)
    with pytest.raises(AdapterError, match="it takes 1 members"):
        place.open(Port.ROUTER, cohort=1).apply(split, backends)
    router = place.open(Port.ROUTER, cohort=2)
    router.apply(split, backends)
    assert place.state["split"]["cohort"]["members"] == ["acme", "globex"]
    assert router.read() == split


def test_what_a_router_can_do_is_what_its_section_says() -> None:
    adapter = registry.get(Port.ROUTER, "command")
    section = adapter.section.model_validate(
        {"kind": "command", "command": ["x"], "capabilities": ["sticky"], "weight_granularity": 0.05}
    )
    assert adapter.can(section) == RouterCapabilities(
        grain=50, sticky=True, header_routes=False, mirror=False, closed=False, endpoints=False, own_requests=False
    )


def test_queries_give_values(place: Place) -> None:
    assert place.open(Port.QUERIES).query("up") == (2.0, 0.5)


WRONG = {
    "print('{')": "did not return JSON",
    "print('[]')": "instead of a JSON object",
    """print('{"split": {"weights": {"1.0": 99}}}')""": "do not sum to 1000",
    """print('{"split": {"weights": {"1.0": 99.99, "2": 0.01}}}')""": "99.99 is not a percentage with one decimal",
    """print('{"split": {}}')""": "cannot read the router's split: 'weights' is missing",
    "import sys; print('first\\nno route', file=sys.stderr); sys.exit(7)": "exited with 7: no route",
    "import time; time.sleep(60)": "timed out after 0.5 s and was killed",
    "import os; os.close(1); os.close(2); import time; time.sleep(60)": "did not exit within 0.5 s",
    "while True: print('x' * 10**6)": "wrote more than 4 MB",
}


@pytest.mark.parametrize("source", WRONG)
def test_a_program_without_manners_is_an_error_that_says_which(place: Place, source: str) -> None:
    (place.folder / "bad.py").write_text(source)
    deadline = 10.0 if "4 MB" in WRONG[source] else 0.5 if "0.5 s" in WRONG[source] else 10.0
    with pytest.raises(AdapterError) as error:
        place.open(Port.ROUTER, run="bad.py", timeout=deadline).read()
    assert WRONG[source] in str(error.value)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="cannot start no-such-program: No such file"):
        Program(["no-such-program"], tmp_path, Environment(), 1).call({})


def test_what_a_program_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    """A fleet's program starts instances that keep its output open."""
    source = "import subprocess; subprocess.Popen(['sleep', '5']); print('{}')"
    assert Program([sys.executable, "-c", source], tmp_path, Environment(), 4).call({}) == {}


def test_a_program_that_does_not_read_what_it_is_told_is_no_error(tmp_path: Path) -> None:
    call = {"text": "x" * 10**6}
    assert Program([sys.executable, "-c", "print('{}')"], tmp_path, Environment(), 10).call(call) == {}


def test_it_sees_the_environment_that_is_named_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSH", "secret")
    monkeypatch.setenv("PILOTAGE_DATABASE", "postgresql://u:p@h/d")
    source = "import json, os; print(json.dumps(dict(os.environ)))"
    environment = Environment(given={"TOKEN": "secret://env/HUSH"})
    seen = Program([sys.executable, "-c", source], tmp_path, environment, 10).call({})
    assert seen["TOKEN"] == "secret"
    assert not {"HUSH", "PILOTAGE_DATABASE"} & set(seen)


def test_a_secret_that_it_prints_when_it_fails_is_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSH", "pa55:word")
    source = "import os, sys; sys.exit('cannot reach db://u:' + os.environ['TOKEN'] + '@h ' + 'x' * 400)"
    environment = Environment(given={"TOKEN": "secret://env/HUSH"})
    with pytest.raises(AdapterError, match=r"exited with 1: cannot reach db://u:\(secret\)@h xxx"):
        Program([sys.executable, "-c", source], tmp_path, environment, 10).call({})


def test_refused_for_good_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Undelivered) as refused:
        Program([sys.executable, "-c", "raise SystemExit(4)"], tmp_path, Environment(), 10).call({})
    assert refused.value.permanent


def test_a_channel_starts_its_program_in_the_folder_of_pilotage_yaml(
    place: Place, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R20: the worker runs elsewhere, and sends what was kept with the message."""
    adapter = registry.get(Port.NOTIFY, "command")
    section = adapter.section.model_validate({"kind": "command", "command": [sys.executable, "adapter.py"]})
    kept = json.loads(json.dumps(section.kept(place.folder)))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    message = Message("k/1", "k", "started", Severity.INFO, "title", "text", 0.0, "shop", "production", "2.4.0")
    open_channel(kept).send(Delivery(message=message))

    assert place.state["got"] == [["k/1", "text"]]
