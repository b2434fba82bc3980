"""What a new user gets: the wheel in an empty environment runs the demo and the quick start, word for word."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pilotage.adapters.free_port import free_port
from tests.datasette import NEW, OLD
from tests.installed import ROOT, environment, install

from .test_demo import figure, undone

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("installed"), pytest.mark.timeout(600)]
PAGE = (ROOT / "docs/start/quick-start.md").read_text()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("installed"))


class User:
    """Types what a page says."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self.folder, self._port = folder, port
        self._variables = environment(programs, folder)

    def types(self, lines: str) -> str:
        """What it printed. Nobody answers questions: there is no terminal."""
        done = subprocess.run(
            ["sh", "-ec", self._here(lines)], cwd=self.folder, env=self._variables, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, f"{lines}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def keeps_typing(self, lines: str) -> Iterator[None]:
        shell = subprocess.Popen(
            ["sh", "-c", self._here(lines)], cwd=self.folder, env=self._variables, start_new_session=True
        )
        try:
            yield
        finally:
            shell.send_signal(signal.SIGKILL)
            shell.wait()

    def writes(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self._here(text))

    def _here(self, text: str) -> str:
        return text.replace("8080", str(self._port))


@pytest.fixture
def user(programs: Path, tmp_path: Path) -> Iterator[User]:
    found = User(programs, tmp_path, free_port())
    yield found
    if (tmp_path / "pilotage.yaml").exists():
        found.types("pilotage down --yes")


def said_in(language: str, word: str) -> str:
    """The block of the quick start in which this word stands first."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.mark.long
def test_the_demo_promotes_a_good_release_and_undoes_a_bad_one(user: User) -> None:
    """As a new user types it: not one request of the good release fails, and none is lost in switching."""
    said = user.types("pilotage demo")
    assert "stop stable" in said
    _, measured = said.split("measured by the users")
    good, bad = measured.split("1.2.0 (bad: errors): rolled-back")
    assert "1.1.0 (good): completed" in good
    assert figure(good, "requests lost while switching") == 0
    assert "; 0 failed" in good
    undone(user.folder / ".pilotage-demo", "1.2.0", bad)


def test_the_quick_start_releases_a_real_application_and_goes_back(user: User, environments: Path) -> None:
    (user.folder / "versions").symlink_to(environments)
    database = said_in("sh", "sqlite3.connect")
    user.types(database[database.index("python3 - <<") :])
    user.writes("pilotage.yaml", said_in("yaml", "service: library").replace("_duration: 30s", "_duration: 3s"))
    planned = user.types(said_in("sh", "pilotage plan"))
    assert "FAIL" not in planned
    assert OLD in planned
    assert "Emma" in user.types(said_in("sh", f"deploy {OLD}"))
    with user.keeps_typing(said_in("sh", "while sleep")):
        assert "completed" in user.types(said_in("sh", f"deploy {NEW}"))
    last = user.types(said_in("sh", "pilotage rollback").replace("pilotage down", "pilotage down --yes"))
    assert f"{OLD} serves all requests" in last
    assert "library in production: whole (3 rollouts" in last


def test_a_service_of_ones_own_begins_with_init(user: User) -> None:
    user.types(said_in("sh", "pilotage init"))
    assert "risk_tolerance: low" in (user.folder / "pilotage.yaml").read_text()
    assert "canary" in user.types("pilotage plan 1.0")
    user.types("pilotage validate; pilotage plan 1.0 --format html -o plan.html; pilotage docs")
    assert "<html" in (user.folder / "plan.html").read_text()


def test_the_size_of_the_installation_is_the_one_that_is_told(programs: Path, user: User) -> None:
    """The page names a total, and the parts that make most of it."""
    page = (ROOT / "docs/explanation/dependencies.md").read_text()
    shutil.copy(ROOT / "benchmarks/size.py", user.folder)
    measured = dict(re.findall(r"^(\S+) +(\d+) MB$", user.types(f"{programs}/python size.py"), re.MULTILINE))
    told = dict(re.findall(r"^\| `?([\w-]+)`? \| (\d+) MB \|", page, re.MULTILINE))
    assert "total" in told
    for name, size in told.items():
        assert int(measured[name]) == pytest.approx(int(size), rel=0.2, abs=1), name
