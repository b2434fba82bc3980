"""From a bad release's first bad answer to its last, as its users saw it: the automatic rollback, many times.

`python benchmarks/rollback.py [--runs 20] [--fault errors]`. Each run is the demo's bad release whole: a real Envoy,
processes, 240 requests a second of 400 users, 5 % of them with the canary, and the worker that judges every quarter of
a second.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from importlib.metadata import version
from pathlib import Path

from pilotage.demo.story import Fault, play


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--fault", choices=[f.value for f in Fault if f is not Fault.NONE], default="errors")
    given = parser.parse_args()
    undone, hurt, lost, missed = list[float](), list[int](), 0, 0
    for seed in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            (run,) = play(Path(folder) / "demo", [Fault(given.fault)], seed, lambda *_: None, lambda *_: None)
        lost += run.measured.lost
        hurt.append(run.measured.hurt)
        if not run.as_told or run.measured.undone is None:
            missed += 1
            continue
        undone.append(run.measured.undone)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"pilotage {version('pilotage')}\n")
    print(
        "| fault | runs | not undone | requests lost | s to 0 %, least | p50 | p90 | most "
        "| users hurt of 400, p50 | most |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    ranks = statistics.quantiles(undone, n=10, method="inclusive") if len(undone) > 1 else [float("nan")] * 9
    print(
        f"| {given.fault} | {given.runs} | {missed} | {lost} | {min(undone):.2f} | {ranks[4]:.2f} | {ranks[8]:.2f} "
        f"| {max(undone):.2f} | {statistics.median(hurt):.0f} | {max(hurt)} |"
    )


if __name__ == "__main__":
    main()
