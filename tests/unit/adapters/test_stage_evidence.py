"""R33: logs of stages are bounded and show no secret; reports are counted, and broken ones count as nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.junit_counts import counts_of
from pilotage.adapters.stages.stage_log import StageLog


def test_a_flood_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with StageLog(log, most=4000) as writer:
        for number in range(10_000):
            writer.write(f"line {number}\n".encode())
        assert log.stat().st_size <= 2000
        assert writer.last_lines(2) == ("line 9998", "line 9999")
    lines = log.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("line 0", "line 9999")
    assert log.stat().st_size < 4500
    assert any("bytes are left out here" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["x.log"]


def test_what_fits_is_kept_whole(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    text = "".join(f"line {number}\n" for number in range(300))
    with StageLog(log, most=4000) as writer:
        for start in range(0, len(text), 7):
            writer.write(text[start : start + 7].encode())
    assert log.read_text() == text


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(0, 30))
def test_a_secret_is_found_however_it_is_cut(cuts: list[int], before: int) -> None:
    from tempfile import TemporaryDirectory

    text = b"x" * before + b"token=s3cr3t-token!" + b"y" * 20
    with TemporaryDirectory() as place:
        with StageLog(Path(place) / "log", ["s3cr3t-token!", "abc"]) as writer:
            for size in cuts:
                writer.write(text[:size])
                text = text[size:]
            writer.write(text)
        assert b"s3cr3t" not in (Path(place) / "log").read_bytes()


def test_the_lines_of_a_secret_key_are_secret_too(tmp_path: Path) -> None:
    key = "-----BEGIN-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nshort\n-----END-----"
    with StageLog(tmp_path / "log", [key]) as writer:
        writer.write(b"  MIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nshort\n")
    assert (tmp_path / "log").read_text() == "  (secret)\nshort\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<testsuite><testcase name="a"/><testcase name="b"/></testsuite>', (2, 0, 0)),
        ("<testsuites><testsuite><testcase><error/><failure/></testcase></testsuite></testsuites>", (1, 1, 0)),
        ('<testsuite tests="3" failures="2" errors="1"><testcase/></testsuite>', (1, 3, 0)),
        ('<testsuites failures="1"><testsuite failures="1"><failure/></testsuite></testsuites>', (0, 1, 0)),
        ("<testsuite><testcase><skipped/></testcase><testcase/></testsuite>", (2, 0, 1)),
        ("<testsuite><failure/></testsuite>", (0, 1, 0)),
        ('<x:testsuite xmlns:x="u"><x:testcase><x:failure/></x:testcase></x:testsuite>', (1, 1, 0)),
    ],
)  # fmt: skip
def test_reports_are_counted(tmp_path: Path, text: str, expected: tuple[int, int, int]) -> None:
    (tmp_path / "r.xml").write_text(text)
    found = counts_of(tmp_path / "r.xml", "r.xml")
    assert (found.tests, found.failed, found.skipped) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not XML"),
        ("<testsuite><testcase>", "is not XML"),
        ("<html/>", "is not JUnit XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>', "declares an entity"),
        ("<testsuite>" * 200 + "</testsuite>" * 200, "nested too deeply"),
    ],
)
def test_what_is_no_report_counts_as_nothing(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "r.xml").write_text(text)
    with pytest.raises(AdapterError, match=why):
        counts_of(tmp_path / "r.xml", "r.xml")
