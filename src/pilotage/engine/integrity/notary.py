"""Signs heads and takes them to the anchors, next to the worker's ticks and never in their way.

Everything here may fail: what fails is logged once, kept with the head, shown by `status`, and tried again.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from pilotage.adapters.anchors import open_anchor
from pilotage.adapters.keys import HEAD, Signer, signer_of
from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.integrity import heads
from pilotage.engine.integrity.custody import Custody, noted
from pilotage.engine.integrity.heads import Head, Open
from pilotage.engine.integrity.ledger import Ledger, Rewritten
from pilotage.engine.records import outbox
from pilotage.model.json import JsonObject
from pilotage.model.message import Message, Severity

_log = logging.getLogger(__name__)
_AT_ONCE = 100
_AFTER_TROUBLE = 5.0


class Notary:
    """Signs with one state folder's key, for the whole store."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine, self._directory = engine, directory
        self._ledger: Ledger | None = None
        self._told: set[str] = set()
        self._next_try = -math.inf

    def serve(self, now: float) -> int:
        """Sign and anchor what is open; returns how many heads are done. now: Unix seconds."""
        waiting = heads.still_open(self._engine, _AT_ONCE)
        if time.monotonic() < self._next_try:
            waiting = tuple(one for one in waiting if not one.error)
        elif waiting:
            self._next_try = time.monotonic() + _AFTER_TROUBLE
        if not waiting:
            return 0
        custody = noted(self._directory)
        try:
            signer = signer_of(self._directory, custody.key)
            self._ledger = self._ledger or Ledger(self._directory)
        except AdapterError as error:
            self._tell(str(error))
            for one in waiting:
                heads.settle(self._engine, one, one.head, one.anchored, str(error), done=False)
            return 0
        # An anchor may keep us waiting, so everything is signed first.
        signed = [found for one in waiting if (found := self._sign(one, signer, self._ledger))]
        return sum(self._attest(one, custody, now) for one in signed)

    def _sign(self, one: Open, signer: Signer, ledger: Ledger) -> Open | None:
        if one.head.signature:
            return one
        try:
            head = _signed(one.head, signer, ledger)
        except (AdapterError, Rewritten) as error:
            self._tell(str(error))
            heads.settle(self._engine, one, one.head, one.anchored, str(error), done=False)
            return None
        reach("head-signed")
        heads.settle(self._engine, one, head, one.anchored, "", done=False)
        return replace(one, head=head, error="")

    def _attest(self, one: Open, custody: Custody, now: float) -> bool:
        anchored, trouble = self._anchor(one.head, set(one.anchored), custody, now)
        reach("head-anchored")
        heads.settle(self._engine, one, one.head, anchored, "; ".join(trouble), done=not trouble)
        return not trouble

    def _anchor(self, head: Head, anchored: set[str], custody: Custody, now: float) -> tuple[set[str], list[str]]:
        trouble = []
        for section in custody.anchors:
            try:
                anchor = open_anchor(section, Path(custody.project))
                name = anchor.name if anchor else f"webhook {section['name']}"
                if name in anchored:
                    continue
                if anchor:
                    anchor.append(head.to_json())
                else:
                    outbox.post_once(self._engine, _message(head, now), [_channel(section)], now)
                anchored.add(name)
            except AdapterError as error:
                self._tell(str(error))
                trouble.append(str(error))
        return anchored, trouble

    def _tell(self, trouble: str) -> None:
        if trouble not in self._told:
            _log.warning("heads of event chains: %s", trouble)
            self._told = {*list(self._told)[-20:], trouble}


def _signed(head: Head, signer: Signer, ledger: Ledger) -> Head:
    """Raises Rewritten, and AdapterError when the ledger cannot be written."""
    ledger.check(head)
    made = signer.sign(HEAD, head.content)
    signed = replace(head, key=made.key, signature=made.signature)
    ledger.keep(signed)
    return signed


def _message(head: Head, now: float) -> Message:
    """The head as it is sent: the same line that other anchors keep."""
    return Message(
        key=f"head/{head.rollout}/{head.kind}", thread=f"head/{head.rollout}", type="head-signed",
        severity=Severity.INFO, title=f"{head.service} → {head.environment}: head of {head.rollout} ({head.kind})",
        text=head.to_json(), at=now, service=head.service, environment=head.environment, version="",
        audience="auditors",
    )  # fmt: skip


def _channel(section: JsonObject) -> JsonObject:
    """The anchor as a channel of the outbox."""
    return {
        "kind": "webhook", "name": section["name"], "url": section["url"], "secret": section["secret"],
        "allow_private_network": section["allow_private_network"], "environments": [], "audiences": ["auditors"],
        "min_severity": "progress", "quiet_hours": None,
    }  # fmt: skip
