"""Sign in at an identity provider, and connect an account with one.

The provider answers with a redirect, so the session begins with a GET. It is bound to the browser that began the
sign-in by a sealed cookie, and counts once.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity import providers
from pilotage.engine.records.persons import Person
from pilotage.model.access import Proof
from pilotage.model.errors import PilotageError
from pilotage.web import cookies
from pilotage.web.entering import base, came_from, enter, inside
from pilotage.web.pages.account import PATH, back, own, renewed
from pilotage.web.pages.login import shown
from pilotage.web.route import Asked, Audience, Kind, Route


def _begin(asked: Asked) -> Response:
    wanted = inside(asked.site.root, asked.request.query_params.get("next", ""))
    try:
        return _sent(asked, wanted)
    except PilotageError as error:
        return shown(asked, wanted, "", error)


def _connect(asked: Asked) -> Response:
    return _sent(asked, f"{asked.site.root}{PATH}", own(asked).person)


def _sent(asked: Asked, wanted: str, person: Person | None = None) -> Response:
    name = asked.params["provider"]
    redirect = f"{base(asked)}/login/with/{name}/callback"
    address, kept = providers.begin(asked.project, name, redirect, wanted, person)
    answer = RedirectResponse(address, 303)
    cookies.keep(answer, asked, "provider", kept)
    return answer


def _back(asked: Asked) -> Response:
    kept, answer = cookies.kept(asked, "provider"), dict(asked.request.query_params)
    wanted = str(kept.get("next", "")) if kept else ""
    try:
        person = providers.finish(asked.project, asked.params["provider"], kept, answer, came_from(asked))
    except PilotageError as error:
        return shown(asked, wanted, "", error)
    return enter(asked, person, Proof.PROVIDER, wanted)


def _disconnect(asked: Asked) -> Response:
    found = own(asked)
    if found.person.password is None and not asked.site.store.accounts.passkeys_of(found.person.id):
        return back(asked)
    asked.site.store.accounts.connect(found.person.id, None, None)
    asked.site.store.accounts.set_groups(found.person.id, ())
    return renewed(asked, found.person, found.session.proof)


ROUTES = (
    Route(
        method="GET", path="/login/with/{provider}", permission=Audience.ANYONE, answer=_begin, kind=Kind.PAGE,
        summary="Sign in at an identity provider.",
    ),
    Route(
        method="GET", path="/login/with/{provider}/callback", permission=Audience.ANYONE, answer=_back, kind=Kind.PAGE,
        summary="Come back from an identity provider.",
    ),
    Route(
        method="GET", path=f"{PATH}/connect/{{provider}}", permission=Audience.SIGNED_IN, answer=_connect,
        kind=Kind.PAGE, summary="Connect your account with an identity provider.",
    ),
    Route(
        method="POST", path=f"{PATH}/disconnect", permission=Audience.SIGNED_IN, answer=_disconnect, kind=Kind.FORM,
        summary="Disconnect your account from its identity provider.",
    ),
)  # fmt: skip
