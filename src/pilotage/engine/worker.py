"""The name by which supervisors of earlier versions start the worker: one may still run when Pilotage is upgraded."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("pilotage.app.worker", run_name="__main__", alter_sys=True)
