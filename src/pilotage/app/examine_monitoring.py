"""What `doctor` says of Prometheus and Alertmanager: whether they respond, and whether rules can be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pilotage.adapters.alertmanager import alertmanagers_of, notifications
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.model.finding import Finding


def examine_monitoring(project: Project, environment: str) -> Iterator[Finding]:
    """Findings about the environment's section `monitoring`; none without one."""
    section = project.loaded.configuration.environments[environment].monitoring
    if section is None:
        return
    if section.prometheus:
        yield _asked("Prometheus", section.prometheus, partial(_prometheus, section.prometheus))
    if section.alertmanager:
        yield _asked("Alertmanager", section.alertmanager, partial(_alertmanager, section.alertmanager))
    if section.rules_folder:
        folder = Path(project.loaded.folder, section.rules_folder)
        if folder.is_dir() and os.access(folder, os.W_OK):
            yield Finding("PASS", "alert rules", str(folder))
        else:
            cure = f"cannot write to {folder}: create it, let Pilotage write there, and name it in rule_files"
            yield Finding("FAIL", "alert rules", cure)


def _asked(what: str, address: str, ask: Callable[[], str]) -> Finding:
    try:
        trouble = ask()
    except AdapterError as error:
        return Finding("FAIL", what, str(error))
    return Finding("WARN", what, trouble) if trouble else Finding("PASS", what, address)


def _prometheus(address: str) -> str:
    if alertmanagers_of(address):
        return ""
    return f"{address} sends its alerts to no Alertmanager: name one under `alerting` in its configuration"


def _alertmanager(address: str) -> str:
    notifications(address)
    return ""
