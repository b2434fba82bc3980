"""Alert rules in a Prometheus: files in the folder that it reads, a reload, and what it says of them afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pilotage.adapters.files import write_durably
from pilotage.adapters.http import get_json, post
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import WrongJson, find, list_at, optional, text_at

_PATIENCE = 5.0
"""Seconds for an answer."""
_READ_ONLY = 403, 405
"""Prometheus without --web.enable-lifecycle answers 403."""


def write_rules(path: Path, text: str) -> bool:
    """See that the file says this, readable for Prometheus, which is another user. Whether it had to be written. Raises
    AdapterError."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return False
        if not path.parent.is_dir():
            raise AdapterError(f"there is no folder {path.parent}: create it, and name it in Prometheus' rule_files")
        write_durably(path, text.encode(), shared=True)
    except (OSError, UnicodeDecodeError) as error:
        raise AdapterError(f"cannot write {path}: {error}") from error
    return True


def remove_rules(path: Path) -> bool:
    """See that there is no such file. Whether there was one. Raises AdapterError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise AdapterError(f"cannot remove {path}: {error}") from error
    return True


def reload(prometheus: str) -> None:
    """Have it read its rules anew; it answers once it has. Raises AdapterError."""
    status, body = post(f"{prometheus.rstrip('/')}/-/reload", _PATIENCE)
    if status in _READ_ONLY:
        raise AdapterError(
            f"{prometheus} refuses to reload: start it with --web.enable-lifecycle, or set monitoring.reload: false"
        )
    if status != 200:
        said = " ".join(body[:200].decode(errors="replace").split())
        raise AdapterError(f"{prometheus} did not reload ({status}): {said}")


def loaded_alerts(prometheus: str, labels: Mapping[str, str]) -> Mapping[str, str]:
    """Alert rules with these labels, each with its health: `ok`, `unknown` before the first evaluation, `err`. Raises
    AdapterError."""
    read = get_json(f"{prometheus.rstrip('/')}/api/v1/rules?type=alert", _PATIENCE)
    try:
        rules = [rule for group in list_at(read, "data", "groups") for rule in list_at(group, "rules")]
        return {
            text_at(rule, "name"): optional(text_at, rule, "health") or ""
            for rule in rules
            if all(find(rule, "labels", name) == value for name, value in labels.items())
        }
    except WrongJson:
        raise AdapterError(f"{prometheus} did not return a list of rules") from None
