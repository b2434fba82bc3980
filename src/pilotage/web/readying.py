"""What a server makes before somebody asks for it, and how its threads share a core.

The first page would otherwise take half a second: it reads the configuration, compiles templates and describes the API.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from datetime import datetime

from pilotage.engine.records import last_room
from pilotage.web.api.description import api_text
from pilotage.web.assets import digest
from pilotage.web.pages.page import environment
from pilotage.web.site import Site

_log = logging.getLogger(__name__)

_TURN = 0.001
"""Seconds after which a thread that draws a page lets the others go on. With Python's 0.005, each of the few steps that
an answer takes in the event loop may wait so long."""
_NEW_OBJECTS = 20_000
"""After so many Python looks for garbage; the 700 that it begins with are for small programs."""


def ready_in_background(site: Site) -> None:
    """Takes effect for the whole process."""
    sys.setswitchinterval(_TURN)
    threading.Thread(target=_make_ready, args=(site,), daemon=True, name="ready").start()


def _make_ready(site: Site) -> None:
    try:
        make_ready(site)
    except Exception as error:
        _log.debug("not everything is ready before somebody asks: %s", error)
    gc.collect()
    gc.freeze()  # what there is now stays: nobody looks through it again
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


def make_ready(site: Site) -> None:
    if site.store.engine.dialect.name == "sqlite":
        last_room.lay(site.store.directory)
    today = datetime.fromtimestamp(site.store.clock.now(), site.zone).date()
    _ = site.outages(site.versions.now()), site.unread, site.frozen_days(today), digest()
    for column in ("actor", "action"):
        site.audit_choices.of(column)
    pages = environment()
    for name in pages.list_templates():
        pages.get_template(name)
    _ = api_text(site.routes, site.root).small
