"""The gate's share of the fuzz: every reader's own samples, as they are and broken in a few hundred ways."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest

from pilotage.risk import versions
from tests.effort import examples
from tests.fuzz.corpus import samples
from tests.fuzz.mutations import mutated
from tests.fuzz.reader import Reader, Sample, refusal
from tests.fuzz.readers import READERS
from tests.fuzz.run import Run, faults_of

TIMES = {"sql": 30, "yaml": 60, "commits": 60, "rrule": 60}
"""Mutations in the gate of what takes longer; of the others 300."""


@pytest.mark.parametrize("name", READERS)
def test_no_broken_file_is_an_internal_error_or_passes_where_a_second_reader_sees_a_fault(name: str) -> None:
    """R5, R11, R23: `python3 dev.py fuzz` does the same for as long as one likes, with other people's files."""
    reader, told = READERS[name], list[str]()
    run = Run(tell=told.append)
    known = samples(reader, [])
    run.as_they_are(reader, known)
    run.mutations(reader, known, examples(TIMES.get(name, 300)), seed=1)
    assert not run.found, "\n".join(told)


def _upper(sample: Sample) -> Iterator[str]:
    """A reader with two faults."""
    if b"7" in sample.content:
        raise KeyError(7)
    if b"3" in sample.content:
        yield f"a wrong answer: {sample.content!r}"


FAULTY = Reader(name="faulty", check=_upper, seeds=(Sample("seed", b"a = 1\n"),))


def test_each_kind_of_fault_is_found_once_and_kept_small(tmp_path: Path) -> None:
    told = list[str]()
    run = Run(tmp_path, told.append)
    run.as_they_are(FAULTY, [Sample(f"d/{word}", f"some {word} text".encode() * 3) for word in ("7", "3", "33", "ok")])
    assert [fault.key.partition(" in ")[0] for fault in run.found.values()] == ["KeyError", "a wrong answer"]
    assert (tmp_path / "faulty" / "1" / "d" / "7").read_bytes() == b"7"
    assert (tmp_path / "faulty" / "2" / "d" / "3").read_bytes() == b"3"
    assert "FAULT 2 in faulty, d/3: a wrong answer" in told[1]


def test_a_seed_gives_the_same_mutations_and_every_way_leaves_bytes() -> None:
    known = [Sample("a", b'{"a": [1, 2]}\n'), Sample("b", b"<a>1</a>\n")]

    def several() -> list[bytes]:
        rng = random.Random(5)
        return [mutated(rng, rng.choice(known), known, ("word",)).content for _ in range(200)]

    assert several() == several()
    assert len(set(several())) > 150


def test_a_folder_gives_a_reader_its_own_files_and_a_repository_its_messages(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "schema.sql").write_text("DROP TABLE a;")
    (tmp_path / "a" / "other.txt").write_text("x")
    found = samples(READERS["sql"], [tmp_path])
    assert [s.name for s in found if s not in READERS["sql"].seeds] == ["a/schema.sql"]
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@x"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "feat: one"], check=True)
    assert b"feat: one\n" in [s.content for s in samples(READERS["commits"], [tmp_path])]
    assert not READERS["commits"].takes(PurePath("a.txt"))


@pytest.mark.parametrize(
    ("message", "is_fault"),
    [
        ("a.xml:3:7: is not valid XML: mismatched tag", False),
        ("a.sarif is incomplete: Expected `int`, got `str` - at `$.runs[0].x`", False),
        ("a.json is not valid JSON: something", True),
        ("a.xml has an unknown format; supported: JUnit XML", False),
        ("x" * 1000, True),
    ],
)
def test_a_refusal_of_what_is_malformed_needs_a_place(message: str, is_fault: bool) -> None:
    assert bool(list(refusal(message))) is is_fault


def test_the_command_reads_a_folder_and_fails_where_a_fault_was_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "coverage", "--minutes", "0", "--corpus", str(tmp_path)]
    (tmp_path / "lcov.info").write_text("SF:a\nDA:1,x\nend_of_record\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert "coverage 7; faults: 0" in done.stdout
    assert subprocess.run([*command, "nothing"], capture_output=True, check=False).returncode == 2


def test_reading_that_takes_too_long_for_its_length_is_a_fault() -> None:
    """The pattern of a reader of ours is made one that takes exponential time."""
    slow = re.compile(r"(a+)+b")

    def check(sample: Sample) -> Iterator[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(versions, "_WORDS", slow)
            versions.compare(sample.text, "1", versions.Scheme.RUBY)
        yield from ()

    reader = Reader(name="slow", check=check, seeds=(), seconds=(0.05, 0.0))
    assert [fault.key for fault in faults_of(reader, Sample("x", b"a" * 60))] == ["a hang in versions.py:_key"]
