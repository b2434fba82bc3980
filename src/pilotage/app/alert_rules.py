"""Alert rules in Prometheus' folder while a rollout is in progress, and no longer.

What lies in the folder is compared with what should, again and again, so a worker that was killed leaves nothing: the
next one removes it. A file is noted before it is written, because a folder of somebody else is never searched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pilotage.adapters.files import read_json, set_aside, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.prometheus_rules import reload, remove_rules, write_rules
from pilotage.config.monitoring import MonitoringSection
from pilotage.model.json import WrongJson, read_as
from pilotage.model.record import Rollout
from pilotage.render.rules import NoSeries, to_rules

_log = logging.getLogger(__name__)
_NOTE = "alert-rules.json"
_AGAIN = 15.0
"""Seconds after which what failed is tried again."""


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    """path: absolute · prometheus: to reload afterwards; empty where something else does that."""

    path: str
    text: str
    prometheus: str


def rules_file(rollout: Rollout, section: MonitoringSection) -> RulesFile | None:
    """What should lie in the folder while `rollout` is in progress; None where nothing should."""
    if not section.rules_folder:
        return None
    try:
        text = to_rules(rollout.plan, page=section.metrics is not None)
    except NoSeries as error:
        _log.warning("%s: no alert rules: %s", rollout.id, error)
        return None
    folder = Path(rollout.snapshot.cwd, section.rules_folder).resolve()
    name = f"pilotage-{rollout.service}-{rollout.environment}.yml"
    return RulesFile(
        path=str(folder / name), text=text, prometheus=(section.prometheus or "") if section.reload else ""
    )


class AlertRules:
    """The rules that one worker has put into folders."""

    def __init__(self, directory: Path) -> None:
        self._note = directory / _NOTE
        self._written = noted(self._note)  # path → the Prometheus to reload
        # After a crash nobody knows whether Prometheus has read what lies there.
        self._to_reload = set(self._written.values()) - {""}
        self._failed: dict[str, float] = {}

    def keep(self, wanted: Mapping[str, RulesFile]) -> None:
        """See that these files are there, and none of the others that were written before. wanted: by path."""
        for path in [path for path in self._written if path not in wanted]:
            self._try(path, partial(self._remove, path))
        for path, file in wanted.items():
            self._try(path, partial(self._write, file))
        for prometheus in list(self._to_reload):
            self._try(prometheus, partial(self._reload, prometheus))

    def _write(self, file: RulesFile) -> None:
        if self._written.get(file.path) != file.prometheus:
            self._note_down({**self._written, file.path: file.prometheus})
        if write_rules(Path(file.path), file.text) and file.prometheus:
            self._to_reload.add(file.prometheus)

    def _remove(self, path: str) -> None:
        """The note goes last: whoever dies before leaves it to the next worker."""
        remove_rules(Path(path))
        if prometheus := self._written[path]:
            reload(prometheus)
        self._note_down({name: value for name, value in self._written.items() if name != path})

    def _reload(self, prometheus: str) -> None:
        reload(prometheus)
        self._to_reload.discard(prometheus)

    def _note_down(self, written: dict[str, str]) -> None:
        write_json(self._note, written)
        self._written = written

    def _try(self, what: str, work: Callable[[], None]) -> None:
        """Each failure is said once, and does not keep the others."""
        if time.monotonic() - self._failed.get(what, -_AGAIN) < _AGAIN:
            return
        try:
            work()
        except (AdapterError, OSError) as error:
            if what not in self._failed:
                _log.warning("alert rules: %s", error)
            self._failed[what] = time.monotonic()
        else:
            self._failed.pop(what, None)


def noted(note: Path) -> dict[str, str]:
    """What a note of the worker says, name → value; empty if it cannot be read."""
    found = read_json(note)
    try:
        return {} if found is None else read_as(dict[str, str], found)
    except WrongJson as error:
        set_aside(note, f"it was not written by Pilotage: {error}")
        return {}
