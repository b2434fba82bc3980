"""Whether Prometheus evaluates the alert rules of a release. It holds nothing: the judge watches anyway."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.observation import Remedy, Verdict, VerdictKind

METRIC = "alert rules"
PATIENCE = 30.0
"""Seconds from the start of the rollout in which the rules may be on their way."""


class RulesLoaded:
    """wanted: names of the rules · began: from when they are expected, seconds by a clock that nobody sets."""

    def __init__(self, wanted: tuple[str, ...], began: float) -> None:
        self._wanted, self._began = wanted, began
        self._found: Mapping[str, str] = {}
        self._trouble = ""

    def record(self, found: Mapping[str, str]) -> None:
        """found: each rule that is loaded, with its health."""
        self._found, self._trouble = found, ""

    def failed(self, trouble: str) -> None:
        self._trouble = trouble

    def verdicts(self, now: float) -> tuple[Verdict, ...]:
        """One verdict; none while the rules may still be on their way."""
        lacking = self._lacking()
        if not lacking:
            return (Verdict(METRIC, VerdictKind.PASS, f"Prometheus evaluates all {len(self._wanted)} rules"),)
        if now - self._began < PATIENCE:
            return ()
        return (Verdict(METRIC, VerdictKind.SOURCE_ERROR, lacking, asks=Remedy.NOTHING),)

    def _lacking(self) -> str:
        if self._trouble:
            return self._trouble
        if gone := [name for name in self._wanted if name not in self._found]:
            return f"Prometheus has not loaded {', '.join(gone)}: does rule_files name monitoring.rules_folder?"
        if ill := [name for name in self._wanted if self._found[name] == "err"]:
            return f"Prometheus cannot evaluate {', '.join(ill)}"
        return ""
