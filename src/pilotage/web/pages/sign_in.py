"""The routes of all pages by which people sign in, and change how they do."""

from __future__ import annotations

from pilotage.web.pages import account, account_code, code, inviting, link, login, passkey_login, provider
from pilotage.web.route import Route

ROUTES: tuple[Route, ...] = (
    *login.ROUTES,
    *code.ROUTES,
    *passkey_login.ROUTES,
    *link.ROUTES,
    *provider.ROUTES,
    *inviting.ROUTES,
    *account_code.ROUTES,
    *account.ROUTES,
)
