"""`pilotage.yaml`: what is read is what PyYAML's own constructor, and ruamel with YAML 1.2, make of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from pilotage.config.calendars import calendar_of
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError, read
from tests.fuzz.reader import Reader, Sample
from tests.unit.config.test_config import GOOD

_AT = re.compile(r"^.*:\d+:\d+: ", re.DOTALL)


def _check(sample: Sample) -> Iterator[str]:
    try:
        document = read(sample.content, "pilotage.yaml")
    except ConfigError as error:
        yield from _placed(error, sample.content)
    else:
        yield from _compared(sample, document.data, doubled=bool(document.problems))
    with TemporaryDirectory() as folder:
        path = Path(folder, "pilotage.yaml")
        path.write_bytes(sample.content)
        try:
            calendar_of(load(path), None)
        except ConfigError as error:
            yield from _placed(error, sample.content)


def _placed(error: ConfigError, content: bytes) -> Iterator[str]:
    """Every problem with the line and column of something that is there."""
    lines = len(re.split(rb"\r\n|\r|\n|\xc2\x85|\xe2\x80[\xa8\xa9]", content))
    for problem in error.problems:
        if not 1 <= problem.mark.line <= lines + 1 or problem.mark.column < 1:
            yield f"a problem outside the file: {problem.at('x')[:200]}"
        if len(problem.message) > 1000:
            yield f"an endless sentence: {problem.message[:200]}"


def _compared(sample: Sample, ours: Any, *, doubled: bool) -> Iterator[str]:
    if doubled:
        return
    try:
        theirs = yaml.load(sample.content, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return
    if _bare(ours) != _bare(theirs):
        yield f"another value than PyYAML's: {str(ours)[:200]} and {str(theirs)[:200]}"
    if find_spec("ruamel"):
        yield from _by_ruamel(sample.content, ours)


def _bare(value: Any) -> Any:
    """The shape, and every scalar as a word: of those that are typed here only that they are there."""
    if isinstance(value, dict):
        return {str(key): _bare(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_bare(one) for one in value]
    return value if isinstance(value, str) and not _TYPED.fullmatch(value) else "typed"


_TYPED = re.compile(r"|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")


def _by_ruamel(content: bytes, ours: Any) -> Iterator[str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        theirs = YAML(typ="safe", pure=True).load(content)
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError, AssertionError, IndexError, KeyError):
        return
    if not _is_same(ours, theirs):
        yield f"another value than ruamel's by YAML 1.2: {str(ours)[:200]} and {str(theirs)[:200]}"


def _is_same(one: Any, other: Any) -> bool:
    """Dates, hexadecimals, octals and infinities are words here, and very long numbers floats."""
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(_is_same(a, b) for a, b in zip(one.values(), other.values(), strict=True))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, float) and isinstance(other, str):
        return float(other) == one  # ruamel takes `.2E3` for a word
    if isinstance(one, str) and not isinstance(other, str):
        return not isinstance(other, bool | dict | list)
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        if abs(other) > 1e300:
            return abs(one) > 1e300
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _samples(path: str, content: bytes) -> Iterator[Sample]:
    """The file, and of yaml-test-suite's files the document that they tell of."""
    yield Sample(path, content)
    if b"\n  yaml: |" in content:
        for case in yaml.load(content, Loader=yaml.BaseLoader):
            written = (
                str(case.get("yaml", "")).replace("␣", " ").replace("∎\n", "").replace("←", "\r").replace("⇔", "\ufeff")
            )
            yield Sample(f"{path}!", re.sub("—*»", "\t", written).replace("↵", "").encode())


_FREEZE = "calendar:\n  freezes:\n  - {name: a, rrule: 'FREQ=DAILY', duration: 1h}\n"

READER = Reader(
    name="yaml",
    check=_check,
    seeds=(
        Sample("pilotage.yaml", GOOD.encode()),
        Sample("calendar.yaml", (GOOD + _FREEZE).encode()),
        Sample("block.yaml", b"a: |\n  b\n  c\nd: >-\n  e\n\n  f\ng: [1, 2.5, {h: null}]\n'i': '\\x4'\n? j\n: k\n"),
    ),
    takes=lambda path: PurePath(path).suffix in (".yaml", ".yml") and "lock" not in path.name,
    samples=_samples,
    words=(
        "&a ", "*a", "!!str ", "!!python/object:os.system ", "<<: *a", "---\n", "...\n", "%YAML 1.1\n", "? ", "- ",
        ": ", "| \n",
        ">-\n", "yes", "0x1F", "0o17", ".inf", ".nan", "1e3", "2026-01-01", "012", "1:30", '"\\ud800"', '"\\0"',
        "\t", "{a: ", "[", "~",
        "services:", "environments:", "extends:", "kind: canary", "secret://env/A", "calendar:", "notify:",
        "analysis:",
    ),
)  # fmt: skip
