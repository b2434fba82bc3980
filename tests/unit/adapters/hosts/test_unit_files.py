"""Units that Pilotage writes are units (R27): systemd itself reads them, and each word arrives as it was configured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.environment import Environment
from pilotage.adapters.hosts.hosted_program import HostedProgram
from pilotage.adapters.hosts.runner import Wanted
from pilotage.adapters.hosts.unit_files import Place, unit_text, variables_text
from tests.programs import needs
from tests.systemctl.unit import Unit, split

WANTED = Wanted(name="1.0-3", version="1.0", number=3, port=20001)
HOSTILE = ("a b", 'quo"te', "back\\slash", "%h %%", "$HOME ${HOME}", ";", "two\nlines", "tab\t", "ä€", "", "@x", "-x")

TEXTS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


def place(folder: Path | str, *, user_manager: bool = False) -> Place:
    return Place(base=str(folder), unit="pilotage-shop_production-1.0-3.service", user_manager=user_manager)


def settings(text: str) -> dict[str, str]:
    return dict(row.split("=", 1) for row in text.split("\n") if "=" in row)


@pytest.mark.parametrize("user_manager", [True, False])
def test_systemd_takes_a_unit_with_every_setting(tmp_path: Path, user_manager: bool) -> None:
    program = HostedProgram(
        command=("/bin/sh", "-c", *HOSTILE), cwd=str(tmp_path), user="daemon", stop_signal="INT", stop_timeout=2.5,
        limits={"open_files": 4096, "memory": 1 << 30, "processes": -1, "core": 0},
    )  # fmt: skip
    where = place(tmp_path, user_manager=user_manager)
    Path(where.file).parent.mkdir()
    Path(where.variables).touch()
    Path(where.file).write_text(unit_text(WANTED, program, where))
    verify = [needs("systemd-analyze"), "verify", "--man=no", "--user" if user_manager else "--system", where.file]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(verify, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, where.unit in done.stderr) == (0, False), done.stderr


@given(st.lists(TEXTS, max_size=4))
def test_every_word_of_a_command_arrives_as_it_was_configured(words: list[str]) -> None:
    program = HostedProgram(command=("/bin/echo", *words, *HOSTILE))
    found = settings(unit_text(WANTED, program, place("/srv/pilotage")))
    assert split(found["ExecStart"]) == [":/bin/echo", *words, *HOSTILE]


@given(
    st.dictionaries(
        st.sampled_from(["A", "B", "C"]), st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))
    )
)
def test_every_variable_arrives_as_it_was_configured(variables: dict[str, str]) -> None:
    unit = Unit("x", {"EnvironmentFile": "/dev/null"})
    assert unit.parsed(variables_text(variables)) == variables


def test_a_relative_program_is_in_the_folder_of_its_version() -> None:
    program = HostedProgram(command=("./bin/app", "x"), cwd="releases/1.0")
    found = settings(unit_text(WANTED, program, place("/srv/pilotage")))
    assert split(found["ExecStart"])[0] == ":/srv/pilotage/releases/1.0/bin/app"
    assert found["WorkingDirectory"] == "/srv/pilotage/releases/1.0"


def test_a_program_without_a_folder_is_looked_up_on_the_configured_path() -> None:
    program = HostedProgram(command=("app",), environment=Environment(given={"PATH": "/opt/bin"}))
    assert split(settings(unit_text(WANTED, program, place("/srv")))["ExecStart"]) == [":/usr/bin/env", "app"]
