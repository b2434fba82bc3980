"""Receives what people press and type in Slack. An answer comes within Slack's 3 seconds; what takes longer follows at
the address that came with the request."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from pilotage.adapters import slack_callback
from pilotage.adapters.outgoing import post
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret, resolve
from pilotage.adapters.slack_callback import STALE, BadCallback, Immediate, Typed
from pilotage.app import slash
from pilotage.app.chat import answer
from pilotage.app.project import Project, Unclear

_SOON = 2.0
"""Seconds that a slash command gets before its answer comes later; Slack waits for 3 s."""
_HOOKS = "https://hooks.slack.com/"
_MOST_SEEN = 10_000

_log = logging.getLogger(__name__)


@contextmanager
def callback_server(project: Project, host: str, port: int) -> Iterator[ThreadingHTTPServer]:
    """A server for buttons and slash commands of Slack. Raises Unclear if no channel has a signing secret."""
    callbacks = callbacks_of(project)
    if callbacks is None:
        raise Unclear(f"{project.config}: no Slack channel has a signing_secret")
    with slack_callback.serve(host, port, callbacks.take) as server:
        yield server


def callbacks_of(project: Project) -> Callbacks | None:
    """What takes Slack's requests; None if no channel has a signing secret."""
    from pilotage.adapters.notify.sections import SlackSection

    references = [
        channel.signing_secret for channel in project.whole.configuration.notify
        if isinstance(channel, SlackSection) and channel.signing_secret
    ]  # fmt: skip
    return Callbacks(project, [resolve(reference) for reference in references]) if references else None


class Callbacks:
    """Takes requests, in as many threads as the server has."""

    def __init__(self, project: Project, secrets: Sequence[Secret]) -> None:
        self._project, self._secrets = project, secrets
        self._lock, self._seen = threading.Lock(), dict[str, float]()

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str] | Immediate:
        """The answer to a request: the status of HTTP and a sentence, or what Slack shows."""
        refusal, now = (401, "not signed"), self._project.clock.now()
        for secret in self._secrets:
            try:
                form = slack_callback.signed_form(headers, body, secret.reveal(), now)
                if "payload" in form:
                    return self._pressed(slack_callback.pressed_in(form))
                return self._typed(slack_callback.typed_in(form), _signature(headers), now)
            except BadCallback as error:
                refusal = (error.status, str(error))
        return refusal

    def _pressed(self, pressed: slack_callback.Pressed) -> tuple[int, str]:
        status, sentence = answer(self._project.store, pressed)
        self._project.ensure_worker()
        self._project.warn(f"{pressed.ask} of {pressed.rollout} by slack:{pressed.user}: {sentence}")
        self._tell(pressed.reply_to, sentence)
        # Slack shows its user an error for any status but 200; Pilotage's own is in the reply.
        return 200 if status in (403, 404, 409) else status, sentence

    def _typed(self, typed: Typed, signature: str, now: float) -> tuple[int, str] | Immediate:
        if not self._is_first(signature, now):
            return 409, "this request was taken already"
        return self._soon(lambda: slash.carry_out(self._fresh(), typed), typed)

    def _fresh(self) -> Project:
        """The project with its configuration as it is now: this server runs for weeks."""
        made = Project(self._project.config, self._project.service, self._project.clock, self._project.warn)
        made.__dict__["store"] = self._project.store
        return made

    def _soon(self, act: Callable[[], str], typed: Typed) -> Immediate:
        """What `act` says if it says it soon; else that it is at work, and later what it says."""
        said, lock, handed = list[str](), threading.Lock(), threading.Event()

        def work() -> None:
            sentence = act()
            self._project.warn(f"{typed.text!r} by slack:{typed.user}: {sentence}")
            with lock:
                said.append(sentence)
                late = handed.is_set()
            if late:
                self._tell(typed.reply_to, sentence)

        thread = threading.Thread(target=work, daemon=True, name="slash")
        thread.start()
        thread.join(_SOON)
        with lock:
            handed.set()
            return _shown(said[0] if said else "At work; the answer follows here.")

    def _is_first(self, signature: str, now: float) -> bool:
        """Whether a signed request comes for the first time. What is older than Slack's window is refused anyway."""
        with self._lock:
            self._seen = {one: at for one, at in self._seen.items() if now - at <= 2 * STALE}
            if signature in self._seen or len(self._seen) >= _MOST_SEEN:
                return False
            self._seen[signature] = now
        return self._is_first_anywhere(signature, now)

    def _is_first_anywhere(self, signature: str, now: float) -> bool:
        """On every server of the store, and whatever was configured meanwhile. A store that takes nothing keeps nobody
        from aborting."""
        once = hashlib.sha256(f"slack {signature}".encode()).hexdigest()
        try:
            return self._project.store.accounts.links.first_time(once, now, 2 * STALE)
        except Exception as error:
            _log.warning("whether another server has taken this request is not known: %s", type(error).__name__)
            return True

    def _tell(self, url: str, sentence: str) -> None:
        """Visible only to the person who pressed or typed."""
        if not url.startswith(_HOOKS):
            return
        content: dict[str, object] = {"response_type": "ephemeral", "replace_original": False, "text": sentence}
        try:
            post(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
        except AdapterError as error:
            self._project.warn(f"the reply did not reach Slack: {error}")


def _signature(headers: Mapping[str, str]) -> str:
    return next(value for name, value in headers.items() if name.lower() == "x-slack-signature")


def _shown(sentence: str) -> Immediate:
    return Immediate(json.dumps({"response_type": "ephemeral", "text": sentence}).encode())
