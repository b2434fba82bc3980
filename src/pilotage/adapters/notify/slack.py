"""Slack: an incoming webhook, or a bot that keeps one message per rollout up to date and posts important changes below
it.

With a bot, the first message of a thread shows the state and is edited (chat.update) as steps complete; warnings, ends
and questions are replies. Each message carries its key as metadata, so after a crash the bot can look whether the last
one arrived (conversations.replies). Texts are escaped by Slack's rules: &, < and > only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pilotage.adapters.notifier import Delivery
from pilotage.adapters.outgoing import Undelivered, post
from pilotage.adapters.secrets import resolve
from pilotage.model.json import JsonObject, find, list_at, object_at, optional, text_at
from pilotage.model.message import OPERATORS, Message, Severity
from pilotage.model.text import line, plain

if TYPE_CHECKING:
    from pilotage.adapters.notify.sections import SlackSection

_SECTION, _HEADER, _FIELD = 2900, 150, 1900
_EVENT = "pilotage_event"
_MARKS = {
    Severity.PROGRESS: "▸", Severity.INFO: "●", Severity.WARNING: "▲", Severity.CRITICAL: "■",
}  # fmt: skip
_PASSING = ("ratelimited", "fatal_error", "internal_error", "service_unavailable", "request_timeout")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Slack:
    def __init__(self, section: SlackSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        if self._section.webhook_url:
            content: JsonObject = {
                "text": fallback(delivery.message),
                "blocks": blocks(delivery.message, buttons=False),
            }
            url = resolve(self._section.webhook_url).reveal()
            post(url, json.dumps(content).encode(), _JSON, private=self._section.allow_private_network)
            return {}
        return self._as_a_bot(delivery)

    def _as_a_bot(self, delivery: Delivery) -> JsonObject:
        message, first, again = delivery.message, delivery.first, delivery.again
        buttons = self._section.signing_secret is not None
        content: JsonObject = {
            "text": fallback(message),
            "blocks": blocks(message, buttons=buttons),
            "metadata": {"event_type": _EVENT, "event_payload": {"key": message.key}},
            "unfurl_links": False,
        }
        if first is None:
            if again and (found := self._already(message, None)):
                return found
            return self._call("chat.postMessage", {"channel": self._section.channel, **content})
        if message.severity is Severity.PROGRESS:
            self._call("chat.update", {"channel": first["channel"], "ts": first["ts"], **content})
            return {}
        if again and (found := self._already(message, first)):
            return found
        loud = message.final or message.severity.rank >= Severity.WARNING.rank
        reply = {"channel": first["channel"], "thread_ts": first["ts"], "reply_broadcast": loud, **content}
        return self._call("chat.postMessage", reply)

    def _already(self, message: Message, first: JsonObject | None) -> JsonObject | None:
        """The receipt of the message, if it is there."""
        if first is None:
            asked: JsonObject = {"channel": self._section.channel, "include_all_metadata": True, "limit": 200}
            found = self._read("conversations.history", {**asked, "oldest": f"{message.at - 60:.0f}"})
        else:
            asked = {"channel": first["channel"], "ts": first["ts"], "include_all_metadata": True, "limit": 200}
            found = self._read("conversations.replies", asked)
        for one in optional(list_at, found, "messages") or ():
            if find(one, "metadata", "event_payload", "key") == message.key:
                return {"ts": text_at(one, "ts"), "channel": found.get("channel") or asked["channel"]}
        return None

    def _call(self, method: str, content: JsonObject) -> JsonObject:
        answer = self._read(method, content)
        return {"ts": answer["ts"], "channel": answer["channel"]}

    def _read(self, method: str, content: JsonObject) -> JsonObject:
        token = resolve(self._section.token or "").reveal()
        headers = {**_JSON, "Authorization": f"Bearer {token}"}
        url = f"{self._section.api_url.rstrip('/')}/{method}"
        answer = post(url, json.dumps(content).encode(), headers, private=self._section.allow_private_network)
        try:
            read = object_at(json.loads(answer.body))
        except ValueError:
            raise Undelivered(f"{method}: the response is not JSON") from None
        if not read.get("ok"):
            why = str(read.get("error", "no reason given"))
            raise Undelivered(f"Slack rejected {method}: {why}", permanent=why not in _PASSING)
        return read


_JSON = {"Content-Type": "application/json; charset=utf-8"}


def fallback(message: Message) -> str:
    """The one line of notifications and screen readers."""
    return f"{_mark(message)}{escaped(line(message.title, 200))}: {escaped(line(message.text, 600))}"


def _mark(message: Message) -> str:
    """How loud it is, which matters to operators only."""
    return f"{_MARKS[message.severity]} " if message.audience == OPERATORS else ""


def blocks(message: Message, *, buttons: bool) -> list[JsonObject]:
    """Block Kit: a header, the sentence, the facts, and buttons if a question is open."""
    title = f"{_mark(message)}{line(message.title, _HEADER - 2)}"
    made: list[JsonObject] = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": escaped(plain(message.text, _SECTION)), "verbatim": True},
        },
    ]
    if message.facts:
        fields: list[JsonObject] = [
            {
                "type": "mrkdwn",
                "text": f"*{escaped(line(label, 40))}*\n{_linked(line(value, _FIELD))}",
                "verbatim": True,
            }
            for label, value in message.facts[:10]
        ]
        made.append({"type": "section", "fields": fields})
    if buttons and message.asks:
        made.append({"type": "actions", "elements": [_button(message, ask) for ask in message.asks]})
    made.append({"type": "context", "elements": [{"type": "plain_text", "text": line(message.key, 200)}]})
    return made


def _linked(text: str) -> str:
    """An address as a link that shows itself; every other text as it is."""
    address = text.startswith(("https://", "http://")) and not any(sign in text for sign in " |<>")
    return f"<{escaped(text)}>" if address else escaped(text)


def _button(message: Message, ask: str) -> JsonObject:
    style = {"style": "primary"} if ask == "approve" else {"style": "danger"}
    value = json.dumps({"rollout": message.thread, "about": message.about, "ask": ask})
    sure: JsonObject = {
        "title": {"type": "plain_text", "text": f"{ask.capitalize()}?"},
        "text": {"type": "plain_text", "text": line(message.title, 290)},
        "confirm": {"type": "plain_text", "text": ask.capitalize()},
        "deny": {"type": "plain_text", "text": "Not yet"},
    }
    label = {"type": "plain_text", "text": ask.capitalize()}
    return {"type": "button", "action_id": f"pilotage-{ask}", "text": label, "value": value, "confirm": sure, **style}
