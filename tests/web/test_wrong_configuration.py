"""R34: a `pilotage.yaml` with errors is a fault of the server, not of who asks."""

from __future__ import annotations

from pathlib import Path

from tests.web.site import Served


def test_r34_a_wrong_configuration_is_the_servers_fault(server: Served) -> None:
    server.person("ada", "admin")
    ada, browser = server.with_token("ada", "admin"), server.signed_in("ada")
    config = Path(server.site.project.config)
    config.write_text(config.read_text() + "\nnonsense: [1\n")
    for path in ("/api/v1/services", "/api/v1/services/shop/environments/production"):
        got = ada.get(path)
        assert (got.status, got.json["code"], got.json["exit_status"]) == (503, "config-error", 2), path
    assert browser.get("/services/shop/production").status == 503
