"""Files of variables are read strictly, and nothing of a value is in an error or in a log that people see (R28)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.env_files import LARGEST, parse_env, read_env_file
from pilotage.adapters.environment import Environment
from pilotage.adapters.ports import AdapterError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB = two words \n", {"A": "1", "B": "two words"}),
        ("# comment\n\nexport A=x # why\n", {"A": "x"}),
        ("A='it is ${literal} # so' # why", {"A": "it is ${literal} # so"}),
        ('A="line\\none \\"q\\" $5"', {"A": 'line\none "q" $5'}),
        ("A=\r\nB=p#ss\r\n", {"A": "", "B": "p#ss"}),
        ("A=pa$$word", {"A": "pa$$word"}),
        ("A=1\nA=2", {"A": "2"}),
        ("\ufeffA=1".removeprefix("\ufeff"), {"A": "1"}),
    ],
)
def test_a_file_is_read_as_written(text: str, found: dict[str, str]) -> None:
    assert parse_env(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nhunter22\n", "2: not a line such as NAME=value"),
        ("A='hunter22", "1: the value has no closing '"),
        ('A="hunter22" more', "1: the value goes on after its closing quote"),
        ("A=${hunter22}", "1: A: ${…} is not filled in"),
        ('A="\\x41 hunter22"', "1: only"),
        ("A=hunter22\x00", "1: a control character"),
        ("A=it's hunter22", "1: A: put a value with quotes"),
        ("1A=hunter22", "1: not a line"),
    ],
)
def test_what_tools_read_differently_is_refused_with_its_line_and_without_the_value(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^\d+: ") as refused:
        parse_env(text)
    assert str(refused.value).startswith(said)
    assert "hunter22" not in str(refused.value)


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with pytest.raises(AdapterError, match="cannot be read: No such file"):
        read_env_file(file)
    file.write_bytes(b"A=\xff")
    with pytest.raises(AdapterError, match="is not UTF-8"):
        read_env_file(file)
    file.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(AdapterError, match="larger than 256 KiB"):
        read_env_file(file)


def test_env_counts_before_its_files_and_their_values_are_in_no_log(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("TOKEN=hunter22hunter\nMODE=file\nURL=postgres://shop:s3cr3t@db/shop\n")
    environment = Environment(given={"MODE": "given"}, files=(file,))
    assert environment.named() == {
        "TOKEN": "hunter22hunter", "MODE": "given", "URL": "postgres://shop:s3cr3t@db/shop",
    }  # fmt: skip
    assert environment.without_secrets("failed with hunter22hunter at s3cr3t") == "failed with (secret) at (secret)"
