"""Runs trials by name and prints what came of them: `python -m tests.live "good canary" --keep FOLDER`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.datasette import install

from .cases import GATE, LONG
from .table import lines
from .test_live import problems
from .trial import Outcome, run


def main() -> None:
    known = {trial.name: trial for trial in (*GATE, *LONG)}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)}; all without one")
    parser.add_argument("--environments", type=Path, help="where the versions of Datasette are installed, or will be")
    parser.add_argument("--keep", type=Path, help="a folder for answers, events and logs")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"no trial is called {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        environments = given.environments or Path(scratch) / "environments"
        if not environments.exists():
            install(environments)
        outcomes: list[Outcome] = []
        for number, name in enumerate(given.names or known):
            place = Path(scratch) / str(number)
            place.mkdir()
            outcomes.append(run(known[name], place, environments, keep=given.keep))
            print(*lines([outcomes[-1].row()]), *problems(known[name], outcomes[-1]), sep="\n", flush=True)
    print(*lines([outcome.row() for outcome in outcomes]), sep="\n")


if __name__ == "__main__":
    main()
