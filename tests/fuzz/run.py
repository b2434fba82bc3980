"""Runs samples through readers: each as it is, then mutated until the time is up. A fault is kept once, made small."""

from __future__ import annotations

import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from tests.fuzz.mutations import mutated
from tests.fuzz.reader import Reader, Sample

_SMALLER = 150
"""Attempts at making a faulty sample smaller."""


class Hang(BaseException):
    """Reading one sample takes more processor time than its length explains. No `except Exception` may swallow it."""


@dataclass(frozen=True)
class Fault:
    """key: what makes two faults one."""

    key: str
    told: str


def faults_of(reader: Reader, sample: Sample) -> list[Fault]:
    """What is wrong with reading the sample: an internal error, a hang, or a sentence of the reader's check."""
    signal.signal(signal.SIGVTALRM, _hang)
    signal.setitimer(signal.ITIMER_VIRTUAL, reader.limit(sample))
    try:
        return [Fault(said.partition(":")[0], said) for said in reader.check(sample)]
    except Hang as hang:
        if _within(hang) == _NOWHERE:
            return []  # the second reader is slow, which is no fault of ours
        return [
            Fault(
                f"a hang in {_within(hang)}", f"a hang: {reader.limit(sample):.1f} s\n{traceback.format_exc(limit=-6)}"
            )
        ]
    except Exception as error:
        return [Fault(f"{type(error).__name__} in {_within(error)}", traceback.format_exc(limit=-6))]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang


_NOWHERE = "the check"


def _within(error: BaseException) -> str:
    """The innermost function of Pilotage that was running."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/pilotage/" in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else _NOWHERE


@dataclass
class Run:
    """folder: where faulty samples are put, none where it is None · tell: is given each line of the log."""

    folder: Path | None = None
    tell: Callable[[str], None] = print
    read: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, str], Fault] = field(default_factory=dict)

    def as_they_are(self, reader: Reader, samples: Sequence[Sample]) -> None:
        for sample in samples:
            self._one(reader, sample)

    def for_a_while(self, of_reader: Mapping[str, tuple[Reader, Sequence[Sample]]], seconds: float, seed: int) -> None:
        """Every reader has the same share of the time."""
        rng, until, told = Random(seed), time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < until:
            for reader, samples in of_reader.values():
                turn = time.monotonic() + min(5.0, seconds / 10)
                while time.monotonic() < min(turn, until):
                    self._one(reader, mutated(rng, rng.choice(samples), samples, reader.words))
            if time.monotonic() - told > 300:
                told = time.monotonic()
                self.tell(f"{time.strftime('%H:%M')} {self.summary()}")

    def mutations(self, reader: Reader, samples: Sequence[Sample], times: int, seed: int) -> None:
        rng = Random(seed)
        for _ in range(times):
            self._one(reader, mutated(rng, rng.choice(samples), samples, reader.words))

    def summary(self) -> str:
        read = ", ".join(f"{name} {count:,}" for name, count in self.read.items())
        return f"samples read: {read}; faults: {len(self.found)}"

    def _one(self, reader: Reader, sample: Sample) -> None:
        self.read[reader.name] += 1
        for fault in faults_of(reader, sample):
            if (reader.name, fault.key) not in self.found:
                self.found[reader.name, fault.key] = fault
                self._keep(reader, sample, fault)

    def _keep(self, reader: Reader, sample: Sample, fault: Fault) -> None:
        small = _smaller(reader, sample, fault.key)
        self.tell(f"FAULT {len(self.found)} in {reader.name}, {sample.name}: {fault.told}\n  {small.content[:300]!r}")
        if self.folder is not None:
            path = self.folder / reader.name / str(len(self.found)) / sample.name.lstrip("/").replace("..", "_")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small.content)


def _smaller(reader: Reader, sample: Sample, key: str) -> Sample:
    """The sample without what the fault does not need, as far as some attempts go."""
    if key.startswith("a hang"):
        return sample
    size, left = max(1, len(sample.content) // 2), _SMALLER
    while size and left:
        at = 0
        while at < len(sample.content) and left:
            left -= 1
            less = Sample(sample.name, sample.content[:at] + sample.content[at + size :], sample.mutated)
            if any(fault.key == key for fault in faults_of(reader, less)):
                sample = less
            else:
                at += size
        size //= 2
    return sample
