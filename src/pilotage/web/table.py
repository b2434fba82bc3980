"""Every route there is."""

from __future__ import annotations

<<<<<<< Updated upstream
from pilotage.web.api import device, rollouts, shell
from pilotage.web.pages import device as device_page
=======
from pilotage.web.api import description, rollouts
>>>>>>> Stashed changes
from pilotage.web.pages import home, login
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *description.ROUTES,
    *rollouts.ROUTES,
    *shell.ROUTES,
    *device.ROUTES,
    *home.ROUTES,
    *device_page.ROUTES,
    *login.ROUTES,
)
