"""R34: the first who asks a new server waits no longer than others."""

from __future__ import annotations

from pilotage.web.api.description import api_text
from pilotage.web.pages.page import environment
from pilotage.web.readying import make_ready
from tests.web.site import Served


def test_r34_pages_and_the_description_are_there_before_somebody_asks(server: Served) -> None:
    api_text.cache_clear()
    make_ready(server.site)
    assert api_text.cache_info().currsize == 1
    assert "small" in vars(api_text(server.site.routes, server.site.root))
    pages = environment()
    assert pages.cache is not None
    assert len(pages.cache) == len(pages.list_templates())
