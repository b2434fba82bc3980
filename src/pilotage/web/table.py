"""Every route there is."""

from __future__ import annotations

from pilotage.web import access_routes, api_routes, public
from pilotage.web.api import description, device, operating, shell
from pilotage.web.pages import device as device_page
from pilotage.web.pages import home, palette, plan, releasing, rollout, sign_in
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *description.ROUTES,
    *operating.ROUTES,
    *api_routes.ROUTES,
    *shell.ROUTES,
    *device.ROUTES,
    *home.ROUTES,
    *device_page.ROUTES,
    *rollout.ROUTES,
    *palette.ROUTES,
    *plan.ROUTES,
    *sign_in.ROUTES,
    *releasing.ROUTES,
    *access_routes.ROUTES,
    *public.ROUTES,
)
