"""From a section of `notify` to its line in the table of adapters. What delivers is imported when it is opened."""

from __future__ import annotations

from importlib import import_module
from typing import TypeVar

from pilotage.adapters.context import Context
from pilotage.adapters.notifier import Notifier
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import Channel
from pilotage.model.capabilities import NotifyCapabilities

_S = TypeVar("_S", bound=Channel)


def adapter_of(section: type[_S], module: str, name: str, **able: bool) -> Adapter[_S, Notifier, NotifyCapabilities]:
    """module, name: the class below `adapters/notify` that delivers · able: its capabilities."""

    def opened(given: _S, _context: Context) -> Notifier:
        made: Notifier = getattr(import_module(f"pilotage.adapters.notify.{module}"), name)(given)
        return made

    return Adapter(section=section, capabilities=NotifyCapabilities(**able), open=opened)
