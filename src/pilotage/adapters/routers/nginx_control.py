"""What a running nginx says that it serves, asked over HTTP at its loopback address."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.http import get_status, send_text
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.nginx_settings import TOKEN_HEADER
from pilotage.adapters.routers.nginx_state import State, state_of
from pilotage.model.address import show_host

_TIMEOUT = 3.0


class Silent(AdapterError):
    """Nothing answers there, or not as our part of the configuration would."""


@dataclass(frozen=True)
class Answer:
    """config: digest of what it was loaded with · worker: process that answered · generation: digest of the state ·
    state: what it serves."""

    config: str
    worker: int
    generation: str
    state: State


class Control:
    """place: where nginx answers on the host itself · token: the secret that it expects."""

    def __init__(self, host: Host, place: tuple[str, int], token: str) -> None:
        self._host, self._token = host, token
        self._url = f"http://{show_host(place[0])}:{place[1]}/pilotage"

    def ask(self) -> Answer:
        """Raises Silent, and AdapterError for an answer that is not ours."""
        return self._read(*self._asked(""))

    def tell(self, state: State, fence: Fence | None = None) -> Answer:
        """Let it serve this state from now on; mode lua alone can. fence: of who tells a host elsewhere. Raises
        AdapterError, Fenced."""
        return self._read(*self._asked(base64.b64encode(state.text.encode()).decode(), fence))

    def _read(self, status: int, body: bytes) -> Answer:
        if status != 200:
            said = body[:200].decode(errors="replace").strip()
            raise Silent(f"nginx answered {status} at {self._url}: {said or 'it serves nothing of this service there'}")
        head, _, rest = body.decode(errors="replace").partition("\n")
        try:
            text = base64.b64decode(rest.strip(), validate=True).decode()
            first, _, _ = text.partition("\n")
            _, config, worker = head.split(" ")
            return Answer(config, int(worker), first.removeprefix("generation "), state_of(text))
        except (ValueError, binascii.Error) as error:
            raise AdapterError(f"what answers at {self._url} is not Pilotage's part of nginx: {error}") from error

    def _asked(self, sent: str, fence: Fence | None = None) -> tuple[int, bytes]:
        if self._host.name:
            return self._by_curl(sent, fence)
        try:
            if sent:
                return send_text(self._url, sent, _TIMEOUT, {TOKEN_HEADER: self._token})
            return get_status(self._url, _TIMEOUT, {TOKEN_HEADER: self._token})
        except AdapterError as error:
            raise Silent(str(error)) from error

    def _by_curl(self, sent: str, fence: Fence | None) -> tuple[int, bytes]:
        """On a host elsewhere. The secret is in curl's input: others there can see its arguments."""
        wanted = [
            f"url = {json.dumps(self._url)}",
            f'header = "{TOKEN_HEADER}: {self._token}"',
            'write-out = "\\n%{http_code}"',
        ]
        if sent:
            wanted.append(f'data = "{sent}"')
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", f"{_TIMEOUT:g}", "--config", "-"]
        done = self._host.run(command, input="\n".join(wanted).encode(), within=2 * _TIMEOUT, fence=fence)
        if done.status == 127:
            raise AdapterError(f"curl is not installed on {self._host.name}, and asks nginx there: install it")
        if done.status:
            raise Silent(f"nginx does not answer at {self._url} on {self._host.name}: {done.said}")
        body, _, status = done.out.rpartition(b"\n")
        return int(status or 0), body
