"""Your account: how you sign in, and where you are signed in."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from pilotage.app.identity import passkeys, sessions, ssh_keys
from pilotage.app.identity.policy import policy_of
from pilotage.app.identity.signing_in import change_password
from pilotage.engine.records.persons import Person, SessionRow
from pilotage.model.access import Proof
from pilotage.model.errors import Forbidden, PilotageError
from pilotage.web.credentials import cookie_name
from pilotage.web.entering import base, came_from, enter
from pilotage.web.pages.browser_words import browser_words
from pilotage.web.pages.page import page
from pilotage.web.route import Answer, Asked, Audience, Kind, Pace, Route

PATH = "/settings/account"


class NotFresh(Forbidden):
    """How somebody signs in is changed only soon after they signed in."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """Who changes their account, in which session. fresh: whether it began just now."""

    person: Person
    session: SessionRow
    fresh: bool


def own(asked: Asked, *, fresh: bool = True) -> Own:
    """Raises Forbidden for a token, NotFresh for a session that is older."""
    secret = asked.request.cookies.get(cookie_name(asked.site), "")
    session = None if "authorization" in asked.request.headers else sessions.row_of(asked.site.store, secret)
    person = None if session is None else asked.site.store.persons.numbered(session.person)
    if session is None or person is None:
        raise Forbidden("sign in with a browser: a token cannot change how its owner signs in")
    recent = asked.site.store.clock.now() - session.created_at <= sessions.FRESH
    if fresh and not recent:
        raise NotFresh(
            "how you sign in can be changed within 15 minutes after signing in",
            cure="sign in again, then repeat this",
        )
    return Own(person=person, session=session, fresh=recent)


def shown(asked: Asked, refused: PilotageError | None = None) -> Response:
    found, store = own(asked, fresh=False), asked.site.store
    address = base(asked)
    usable = passkeys.possible(address)
    return page(
        asked, "account.html.j2", 200 if refused is None else refused.http_status, refused=str(refused or ""),
        person=found.person, fresh=found.fresh, current=found.session.hash,
        sessions=store.accounts.sessions_of(found.person.id, store.clock.now()),
        passkeys=store.accounts.passkeys_of(found.person.id), passkeys_possible=usable,
        challenge=passkeys.ask_new(asked.project, found.person, address) if usable and found.fresh else None,
        grants=asked.who.grants, browser_words=browser_words, providers=policy_of(asked.project).providers,
    )  # fmt: skip


def back(asked: Asked) -> Response:
    return RedirectResponse(f"{asked.site.root}{PATH}", 303)


def renewed(asked: Asked, person: Person, proof: Proof) -> Response:
    """Back to the page with a new session; all others of this person end."""
    asked.site.store.accounts.end_sessions(person.id)
    return enter(asked, person, proof, f"{asked.site.root}{PATH}")


def _password(asked: Asked) -> Response:
    found, form = own(asked), asked.form
    try:
        change_password(
            asked.site.store, found.person, form.get("current", ""), form.get("password", ""), form.get("again", ""),
            came_from(asked, found.person.name),
        )  # fmt: skip
    except PilotageError as error:
        return shown(asked, error)
    return renewed(asked, found.person, found.session.proof)


def _end(asked: Asked) -> Response:
    found = own(asked, fresh=False)
    store, wanted = asked.site.store, asked.form.get("session", "")
    if wanted == "others":
        store.accounts.end_sessions(found.person.id, but=found.session.hash)
    elif wanted == "all":
        store.accounts.end_sessions(found.person.id)
    elif any(one.hash == wanted for one in store.accounts.sessions_of(found.person.id, store.clock.now())):
        store.persons.end_session(wanted)
    return back(asked)


def _ssh_keys(asked: Asked) -> Response:
    found = own(asked)
    try:
        ssh_keys.keep(asked.site.store, found.person, asked.form.get("keys", ""))
    except PilotageError as error:
        return shown(asked, error)
    return back(asked)


def _remove_passkey(asked: Asked) -> Response:
    asked.site.store.accounts.remove_passkey(own(asked).person.id, asked.form.get("passkey", ""))
    return back(asked)


def _add_passkey(asked: Asked) -> Response:
    found, form = own(asked), asked.form
    try:
        passkeys.add(
            asked.project, found.person, form.get("name", ""), form.get("state", ""), form.get("answer", ""),
            base(asked),
        )  # fmt: skip
    except PilotageError as error:
        return shown(asked, error)
    return back(asked)


def _form(path: str, answer: Answer, summary: str, pace: Pace = Pace.USUAL) -> Route:
    return Route(
        method="POST", path=f"{PATH}{path}", permission=Audience.SIGNED_IN, answer=answer, kind=Kind.FORM,
        summary=summary, pace=pace,
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=PATH, permission=Audience.SIGNED_IN, answer=shown, kind=Kind.PAGE,
        summary="Show how you sign in, and where you are signed in.",
    ),
    _form("/password", _password, "Change your password.", Pace.SIGN_IN),
    _form("/sessions", _end, "End sessions of yours."),
    _form("/passkeys", _add_passkey, "Register a passkey."),
    _form("/ssh-keys", _ssh_keys, "Keep your public SSH keys."),
    _form("/passkeys/remove", _remove_passkey, "Remove a passkey."),
)  # fmt: skip
