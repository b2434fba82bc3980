"""Files of environment variables: what is read must be what python-dotenv reads; what it reads otherwise is refused."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import PurePath

from dotenv import dotenv_values

from pilotage.adapters.env_files import parse_env
from tests.fuzz.reader import Reader, Sample, refusal

logging.getLogger("dotenv.main").setLevel(logging.ERROR)


def _check(sample: Sample) -> Iterator[str]:
    try:
        text = sample.content.decode("utf-8-sig")
        found = parse_env(text)
    except UnicodeDecodeError:
        return
    except ValueError as error:
        yield from refusal(f"line {error}")
        return
    theirs = dotenv_values(stream=io.StringIO(text), interpolate=False)
    for name in found.keys() | theirs.keys():
        if found.get(name) != theirs.get(name):
            yield f"another value of {name!r}: {found.get(name)!r} and {theirs.get(name)!r}"


_SEEDS = (
    b"A=1\nB = two words\n", b"# why\nexport TOKEN='it is ${literal} # so'\n", b'KEY="line\\none \\"q\\"" # c\nURL=postgres://a:b@c/d?e=f\n',
    b"EMPTY=\nHASH=pa#ss # no\r\nLAST=x",
)  # fmt: skip

READER = Reader(
    name="env files",
    check=_check,
    seeds=tuple(Sample(f"seed-{number}.env", seed) for number, seed in enumerate(_SEEDS)),
    takes=lambda path: PurePath(path).name.startswith(".env") or PurePath(path).suffix == ".env",
    words=("export ", "=", "'", '"', "\\n", "${A}", " #", "A=", "\t", "\r", "\x0b", "\u00a0"),
)
