"""Which router Pilotage starts itself where the configuration is still to be written: `init` and the demo ask."""

from __future__ import annotations

import os

from pilotage.adapters.ports import AdapterError

CHOICE = "PILOTAGE_EMBEDDED_ROUTER"
NAMES = {"envoy": "Envoy", "traefik": "Traefik"}


def embedded_kind() -> str:
    """`envoy` where there is one, else `traefik`: there is no wheel of Envoy for macOS. The environment's
    PILOTAGE_EMBEDDED_ROUTER decides where it names one of both."""
    from pilotage.adapters.envoy_admin import envoy_program
    from pilotage.adapters.traefik_api import traefik_program

    if (chosen := os.environ.get(CHOICE, "")) in NAMES:
        return chosen
    for kind, program in (("envoy", envoy_program), ("traefik", traefik_program)):
        try:
            program()
        except AdapterError:
            continue
        return kind
    return "envoy"
