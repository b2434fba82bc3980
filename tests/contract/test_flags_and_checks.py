"""Every sentence of the Flags and the Checks port, on a real file as a real provider reads it and on real processes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilotage.adapters import process_records, processes
from pilotage.adapters.checks import StepChecks
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import replace_if_unchanged
from pilotage.adapters.flags.flagd_adapter import ADAPTER, FlagdSection
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.ports import AdapterError, Fenced, Flags
from pilotage.adapters.taken_back import NOTE, TakenBack
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import CheckResult, CheckStatus
from pilotage.model.segment import Segment
from pilotage.testing import FlagsUnderTest, written
from pilotage.testing.contracts.flags import FlagsContract
from tests.children import children

pytestmark = pytest.mark.real


@pytest.fixture
def flags(tmp_path: Path) -> FlagdFile:
    return FlagdFile(tmp_path / "flags.json", "checkout", Fence(tmp_path / "fence.json", 1))


class TestFlagd(FlagsContract):
    """What holds for every provider; below is what only this one promises."""

    @pytest.fixture
    def flag(self, tmp_path: Path) -> FlagsUnderTest:
        file = tmp_path / "flags.json"

        def edit(value: str) -> None:
            whole = json.loads(file.read_text()) if file.exists() else {"flags": {}}
            whole["flags"]["other"] = {"state": "DISABLED", "metadata": {"value": value}}
            file.write_text(json.dumps(whole))

        def configured(token: int, segments: Mapping[str, Segment]) -> Flags:
            section = FlagdSection.model_validate(
                {"file": "flags.json", "key": "checkout", "segments": written(segments)}
            )
            return FlagdFile(file, "checkout", Fence(tmp_path / "fence.json", token), section.segment_of)

        def somebody_edits() -> None:
            whole = json.loads(file.read_text())
            whole["flags"]["checkout"]["targeting"]["if"][0] = {"in": [{"var": "group"}, ["everyone"]]}
            file.write_text(json.dumps(whole))

        return FlagsUnderTest(
            open=lambda token: FlagdFile(file, "checkout", Fence(tmp_path / "fence.json", token)),
            open_with=configured,
            evaluate=lambda user, context: evaluated(file, user, context),
            edit=somebody_edits,
            can=ADAPTER.capabilities,
            edit_neighbour=edit,
            neighbour=lambda: str(flag_of(file, "other")["metadata"]["value"]),
        )


def evaluated(file: Path, user: str, context: Mapping[str, str | int | float]) -> bool:
    """What the evaluation of flagd itself answers."""
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    core = FlagdCore()
    core.set_flags(file.read_text())
    return bool(core.resolve_boolean_value("checkout", False, EvaluationContext(user, dict(context))).value)


def evaluate(file: Path, users: list[str], **attributes: str) -> list[bool]:
    """What a service's OpenFeature provider answers, in its own process."""
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.evaluation_context import EvaluationContext

    api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file)))
    try:
        client = api.get_client()
        return [client.get_boolean_value("checkout", False, EvaluationContext(u, attributes)) for u in users]
    finally:
        api.shutdown()


def test_what_was_applied_is_read_back_and_twice_changes_nothing(flags: FlagdFile, tmp_path: Path) -> None:
    for ramp in (Ramp(("internal",), 0), Ramp(("internal", "beta"), 50), Ramp((), 1000), OFF):
        flags.apply(ramp)
        stamp = (tmp_path / "flags.json").stat().st_mtime_ns
        flags.apply(ramp)
        assert (tmp_path / "flags.json").stat().st_mtime_ns == stamp
        assert flags.read() == ramp


def test_services_answer_as_the_ramp_says_and_a_larger_share_only_adds_users(flags: FlagdFile, tmp_path: Path) -> None:
    users, before = [f"user-{n}" for n in range(1000)], set[str]()
    for share in (10, 100, 250, 500, 1000):
        flags.apply(Ramp(("beta",), share))
        on = {user for user, answer in zip(users, evaluate(tmp_path / "flags.json", users), strict=True) if answer}
        assert before <= on
        assert abs(len(on) - share) < 60
        before = on
    flags.apply(Ramp(("beta",), 0))
    assert evaluate(tmp_path / "flags.json", users[:5]) == [False] * 5
    assert evaluate(tmp_path / "flags.json", users[:5], group="beta") == [True] * 5


def test_a_rule_of_somebody_else_is_left_alone_and_other_flags_too(flags: FlagdFile, tmp_path: Path) -> None:
    theirs = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"other": theirs, "checkout": theirs}}))
    with pytest.raises(AdapterError, match="a rule that Pilotage did not write"):
        flags.read()
    flags.apply(OFF)
    assert json.loads((tmp_path / "flags.json").read_text())["flags"]["other"] == theirs


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"flags": 3}', '{"flags": {"checkout": {}}}', "\x00"])
def test_a_file_that_is_none_is_an_error_not_an_answer(flags: FlagdFile, tmp_path: Path, content: str) -> None:
    (tmp_path / "flags.json").write_text(content)
    with pytest.raises(AdapterError):
        flags.read()


def test_the_kill_switch_is_rehearsed_without_touching_the_flag(flags: FlagdFile, tmp_path: Path) -> None:
    flags.rehearse()
    assert not (tmp_path / "flags.json").exists()


def flag_of(file: Path, key: str) -> Any:
    return json.loads(file.read_text())["flags"].get(key)


def test_an_edit_of_a_neighbour_between_reading_and_writing_is_not_lost(
    flags: FlagdFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's editor, which knows no lock of ours, saves the same file while the flag is set."""
    file = tmp_path / "flags.json"
    flags.apply(Ramp((), 10))
    edits = iter(range(3))

    def content(self: FlagdFile, real: Callable[[FlagdFile], bytes | None] = FlagdFile._content) -> bytes | None:
        read = real(self)
        if (number := next(edits, None)) is not None:
            whole = json.loads(file.read_text())
            whole["flags"][f"neighbour-{number}"] = {"state": "DISABLED"}
            (tmp_path / "editor").write_text(json.dumps(whole))
            (tmp_path / "editor").replace(file)
        return read

    monkeypatch.setattr(FlagdFile, "_content", content)
    flags.apply(Ramp((), 20))
    assert flags.read() == Ramp((), 20)
    assert all(flag_of(file, f"neighbour-{number}") for number in range(3))


WRITER = """
import sys
from pathlib import Path
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.model.flag import Ramp
folder, key = Path(sys.argv[1]), sys.argv[2]
flags = FlagdFile(folder / "flags.json", key, Fence(folder / f"{key}.fence.json", 1))
for share in range(1, 101):
    flags.apply(Ramp((), share))
"""


def test_two_writers_and_an_editor_at_once_lose_nothing_of_one_another(tmp_path: Path) -> None:
    """Two controllers set their flags a hundred times each, while an editor saves its own flag by rename."""
    file = tmp_path / "flags.json"
    file.write_text('{"flags": {}}')
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), key]) for key in ("one", "two")]
    saved = 0
    while any(writer.poll() is None for writer in writers):
        before = file.read_bytes()
        whole = json.loads(before)
        assert (whole["flags"].get("editor") or {}).get("metadata", saved) == saved, "what the editor saved is gone"
        whole["flags"]["editor"] = {"state": "DISABLED", "metadata": saved + 1}
        beside = tmp_path / "editor"
        beside.write_text(json.dumps(whole))
        # An editor that looks whether the file has changed on disk, as they do.
        saved += replace_if_unchanged(file, before, beside.read_bytes())
        time.sleep(0.002)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert saved > 5
    assert flag_of(file, "editor")["metadata"] == saved
    for key in ("one", "two"):
        assert FlagdFile(file, key, Fence(tmp_path / "f.json", 1)).read() == Ramp((), 100)


def test_a_ramp_from_before_the_flag_was_turned_off_without_the_store_is_not_written(
    flags: FlagdFile, tmp_path: Path
) -> None:
    flags.apply(Ramp((), 500))
    flags.apply(OFF)
    (tmp_path / NOTE).write_text('{"at": 1.0, "by": "ann", "to": "1.0"}')
    with pytest.raises(TakenBack, match="turned off for everyone without the store"):
        flags.apply(Ramp((), 500))
    assert flags.read() == OFF
    flags.apply(OFF)
    (tmp_path / NOTE).unlink()
    flags.apply(Ramp((), 500))
    assert flags.read() == Ramp((), 500)


def test_the_flags_stay_readable_for_services_of_other_users(flags: FlagdFile, tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_text('{"flags": {}}')
    (tmp_path / "flags.json").chmod(0o644)
    flags.apply(Ramp((), 10))
    assert stat.S_IMODE((tmp_path / "flags.json").stat().st_mode) == 0o644


# ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────

Make = Callable[..., StepChecks]


@pytest.fixture
def checks(tmp_path: Path) -> Iterator[Make]:
    def make(*asked: dict[str, Any], token: int = 1) -> StepChecks:
        whole = [{"status": 200, "requests": 1, "timeout": 20.0, **check} for check in asked]
        return StepChecks(tmp_path / "checks", Fence(tmp_path / "fence.json", token), {"smoke": whole}, tmp_path)

    yield make
    # They are this process's children: the next test must not find them.
    left = []
    for child in children():
        with suppress(psutil.Error):
            if any(str(tmp_path) in part for part in child.cmdline()):
                child.kill()
                left.append(child)
    psutil.wait_procs(left, timeout=10)


def python(program: str) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", program, "{version}"]}


def answered(checks: StepChecks, attempt: int = 1) -> CheckResult:
    until = time.monotonic() + 30
    while True:
        (found,) = [result for result in checks.results() if result.attempt == attempt]
        if found.status is not CheckStatus.RUNNING:
            return found
        assert time.monotonic() < until
        time.sleep(0.02)


FACTS = {"version": "2.0", "stable_version": "1.0", "step": "smoke", "instances": "127.0.0.1:9"}


def test_a_check_is_begun_once_an_attempt_and_its_last_line_is_told(checks: Make, tmp_path: Path) -> None:
    it = checks(python("import sys; open('ran', 'a').write('x'); print('noise'); print('sold', sys.argv[1])"))
    it.ensure("smoke", 1, FACTS)
    it.ensure("smoke", 1, FACTS)
    result = answered(it)
    checks(python("print()")).ensure("smoke", 1, FACTS)
    assert (tmp_path / "ran").read_text() == "x"
    assert result.status is CheckStatus.PASSED
    assert result.detail.startswith("sold 2.0 (")
    it.ensure("smoke", 2, FACTS)
    answered(it, 2)
    assert (tmp_path / "ran").read_text() == "xx"


def test_one_that_fails_says_how(checks: Make) -> None:
    it = checks(python("import sys; print('no basket'); sys.exit(3)"))
    it.ensure("smoke", 1, FACTS)
    assert "exited with 3: no basket" in answered(it).detail


def test_the_facts_are_in_its_environment(checks: Make) -> None:
    it = checks(python("import os; print(os.environ['PILOTAGE_VERSION'], os.environ['PILOTAGE_INSTANCES'])"))
    it.ensure("smoke", 1, FACTS)
    assert answered(it).detail.startswith("2.0 127.0.0.1:9")


def test_case_18_a_hook_that_hangs_prints_without_end_and_forks_is_ended_with_its_children(
    checks: Make, tmp_path: Path
) -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(987)'])\n"
        "while True: print('x' * 1000)\n"
    )
    it = checks({**python(program), "timeout": 1.5})
    it.ensure("smoke", 1, FACTS)
    result = answered(it)
    assert result.status is CheckStatus.FAILED
    assert "timed out after 1.5 s; its output" in result.detail
    assert len(result.detail) < 1000
    assert (tmp_path / "checks" / "smoke.1.result.log").stat().st_size <= 1 << 20
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if "import time; time.sleep(987)" in (p.info["cmdline"] or [])
    ]


def test_what_a_hook_left_in_a_session_of_its_own_ends_with_it(checks: Make) -> None:
    program = (
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=subprocess.DEVNULL)\n"
        "print(child.pid)\n"
    )
    it = checks(python(program))
    it.ensure("smoke", 1, FACTS)
    result = answered(it)
    assert result.status is CheckStatus.PASSED
    left = int(result.detail.split()[0])
    until = time.monotonic() + 10
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the child lives on"
        time.sleep(0.05)


def test_a_program_that_is_not_there_is_a_failed_check(checks: Make) -> None:
    it = checks({"command": ["no-such-program"]})
    it.ensure("smoke", 1, FACTS)
    assert "no-such-program: No such file or directory" in answered(it).detail


def test_an_instance_that_does_not_answer_or_answers_otherwise_fails(checks: Make) -> None:
    it = checks({"http": "/"})
    it.ensure("smoke", 1, FACTS)
    assert "http://127.0.0.1:9/ does not respond" in answered(it).detail


def test_one_that_was_killed_has_failed_and_nobody_waits_for_ever(checks: Make, tmp_path: Path) -> None:
    it = checks(python("import time; time.sleep(60)"))
    it.ensure("smoke", 1, FACTS)
    time.sleep(0.3)
    record = process_records.load(tmp_path / "checks" / "smoke.1.process.json")
    assert record is not None
    processes.end_tree(record)
    assert "the check was killed or the machine stopped" in answered(it).detail


def test_what_nobody_waits_for_any_more_is_ended(checks: Make) -> None:
    it = checks(python("import time; time.sleep(60)"))
    it.ensure("smoke", 1, FACTS)
    time.sleep(0.3)
    it.stop_all_but("smoke", 1)
    assert it.results()[0].status is CheckStatus.RUNNING
    it.stop_all_but("", 0)
    assert answered(it).status is CheckStatus.FAILED


def test_a_controller_that_lost_its_lease_begins_nothing(checks: Make) -> None:
    checks(python("print(1)"), token=2).ensure("smoke", 1, FACTS)
    with pytest.raises(Fenced):
        checks(python("print(1)")).ensure("smoke", 2, FACTS)


@pytest.mark.parametrize("broken", [None, b"{", b"[]", b'{"passed": "yes"}'])
@pytest.mark.parametrize("name", ["smoke.1.process.json", "smoke.1.result.json"])
def test_a_lost_or_broken_record_of_a_check_is_an_answer_or_a_failure_and_runs_nothing_twice(
    checks: Make, tmp_path: Path, name: str, broken: bytes | None
) -> None:
    it = checks(python("import sys; open('ran', 'a').write('x')"))
    it.ensure("smoke", 1, FACTS)
    before = answered(it)
    path = tmp_path / "checks" / name
    path.unlink() if broken is None else path.write_bytes(broken)
    # The process that wrote the answer may be about to end.
    after = answered(it)
    if "process" in name:
        # The answer is there: it counts, whoever gave it.
        it.ensure("smoke", 1, FACTS)
        assert after == before
        assert (tmp_path / "ran").read_text() == "x"
    else:
        assert after.status is CheckStatus.FAILED
        assert "the check was killed or the machine stopped" in after.detail


def test_a_running_check_whose_record_is_lost_is_found_by_its_mark(checks: Make, tmp_path: Path) -> None:
    it = checks(python("import time; open('ran', 'a').write('x'); time.sleep(1)"))
    it.ensure("smoke", 1, FACTS)
    (tmp_path / "checks" / "smoke.1.process.json").unlink()
    it.ensure("smoke", 1, FACTS)
    assert answered(it).status is CheckStatus.PASSED
    assert (tmp_path / "ran").read_text() == "x"


def test_a_hook_sees_what_the_configuration_names_and_no_secret_of_the_worker(
    checks: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two checks of a step have an environment each; what a secret resolves to stands in no file of ours."""
    for name in ("SHOP_KEY", "OTHER_KEY", "PAYROLL_DB", "REGION"):
        monkeypatch.setenv(name, f"hush-{name}")
    program = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[2], 'w'))"
    one, two = ({"command": [sys.executable, "-c", program, "{version}", f"seen-{n}"]} for n in (1, 2))
    it = checks(
        {**one, "env": {"KEY": "secret://env/SHOP_KEY"}, "pass_env": ["REGION"]},
        {**two, "env": {"KEY": "secret://env/OTHER_KEY"}},
    )
    it.ensure("smoke", 1, FACTS)
    assert answered(it).status is CheckStatus.PASSED
    seen = [json.loads((tmp_path / f"seen-{n}").read_text()) for n in (1, 2)]
    assert [(s["KEY"], s.get("REGION")) for s in seen] == [("hush-SHOP_KEY", "hush-REGION"), ("hush-OTHER_KEY", None)]
    assert not any("PAYROLL_DB" in s or any(name.startswith("PILOTAGE_CHECK") for name in s) for s in seen)
    assert not [p for p in (tmp_path / "checks").iterdir() if b"hush-" in p.read_bytes()]


def test_a_secret_that_a_hook_prints_is_not_in_its_detail(checks: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "hush-hush")
    program = "import os, sys; sys.exit('refused: ' + os.environ['KEY'])"
    it = checks({**python(program), "env": {"KEY": "secret://env/SHOP_KEY"}})
    it.ensure("smoke", 1, FACTS)
    assert "exited with 1: refused: (secret)" in answered(it).detail


def test_a_check_whose_secret_cannot_be_had_fails_and_names_it(checks: Make) -> None:
    it = checks({**python("print(1)"), "env": {"KEY": "secret://env/NOBODY_SET_THIS"}})
    it.ensure("smoke", 1, FACTS)
    assert "NOBODY_SET_THIS holds nothing" in answered(it).detail
