"""Tokens for servers, in one file that only its user reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pilotage.adapters.files import write_durably
from pilotage.model.errors import Unavailable

SERVER, TOKEN = "PILOTAGE_SERVER", "PILOTAGE_TOKEN"


def token_for(url: str) -> str:
    """PILOTAGE_TOKEN, or what `pilotage login` kept for this server; empty without either."""
    return os.environ.get(TOKEN, "") or _kept().get(url.rstrip("/"), "")


def keep(url: str, token: str) -> Path:
    """The file in which it is kept now."""
    kept = {**_kept(), url.rstrip("/"): token}
    return _write(kept)


def forget(url: str) -> bool:
    """False where none was kept."""
    kept = _kept()
    if kept.pop(url.rstrip("/"), None) is None:
        return False
    _write(kept)
    return True


def _write(kept: dict[str, str]) -> Path:
    where = _file()
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(where, json.dumps(kept, indent=1).encode(), shared=False)
    return where


def _kept() -> dict[str, str]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Unavailable(f"{_file()} cannot be read: {error}", cure="delete it, and run `pilotage login`") from None
    return {str(url): str(token) for url, token in found.items()} if isinstance(found, dict) else {}


def _file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "pilotage" / "tokens.json"
