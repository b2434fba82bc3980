"""The text of the owned file: who a user is, which version they get, and how nginx passes their request on.

Names of versions and values of headers come from elsewhere, so every one of them is quoted, and compared by a pattern
or a digest rather than by a hash of strings: nginx ignores case there and limits the length.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.nginx_lua import balance, choose, control
from pilotage.adapters.routers.nginx_settings import TOKEN_HEADER, Settings
from pilotage.adapters.routers.nginx_state import Peer, State, digest
from pilotage.model.address import show_host
from pilotage.model.traffic import WHOLE, artifact_of

_CHUNK = 3000
"""Characters of a value or comment: see `_composed`."""
_MOST_CHUNKS = _MOST_NAMED = 100
_MARK = "# Pilotage wrote this file"
_STATE = "# state "
_TOKEN = re.compile(rf'\$http_{TOKEN_HEADER.replace("-", "_")} != "([0-9a-f]{{32}})"')
_MAINTENANCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>"
)
_ID = r"(?:^|;\s*)%s=\"?(?<%s_id>[^;\"\s][^;\"]*)"
_AGE = 2592000


@dataclass(frozen=True)
class Written:
    """The owned files. config: digest of all that a running nginx takes up by a reload alone."""

    http: str
    location: str
    config: str


def written(settings: Settings, state: State, token: str) -> Written:
    """What the files say. In mode lua the split is not part of what a reload is needed for."""
    location = "".join(f"{line}\n" for line in (f"{_MARK}.", *_location(settings)))
    fixed = "".join(f"{line}\n" for line in _http(settings, state, token, "", location))
    config = digest(fixed + location + ("" if settings.lua else state.text))
    text = "".join(f"{line}\n" for line in _http(settings, state, token, config, location))
    return Written(text, location, config)


def nothing(settings: Settings) -> Written:
    """Files of a service of which nothing is deployed."""
    said = f"{_MARK}: nothing of {settings.name} is deployed."
    return Written(f"{said}\n", f"{said}\nreturn 503;\n", "")


def is_ours(text: str) -> bool:
    return text.startswith(_MARK)


def state_in(text: str) -> str:
    """The state that the file holds; empty where it holds none. Raises ValueError."""
    found = "".join(row.removeprefix(_STATE) for row in text.splitlines() if row.startswith(_STATE))
    return base64.b64decode(found, validate=True).decode()


def token_in(text: str) -> str:
    """The secret with which the running nginx is asked; empty where the file has none."""
    found = _TOKEN.search(text)
    return found[1] if found else ""


# ── the parts ──────────────────────────────────────────────────────────────────────────────────────────────


def _http(settings: Settings, state: State, token: str, config: str, location: str) -> Iterator[str]:
    p = settings.prefix
    kept = state.text if config or not settings.lua else ""
    yield f"{_MARK} for {settings.name}. Changes here are lost."
    yield from (f"{_STATE}{chunk}" for chunk in _chunks(_base64(kept)))
    yield from _composed(p, "kept", [f'"{chunk}"' for chunk in _chunks(_base64(kept))])
    yield f'geo ${p}_dollar {{ default "$"; }}'
    yield f'map $http_upgrade ${p}_connection {{ default upgrade; "" ""; }}'
    yield f'map $http_host ${p}_host {{ default $http_host; "" $host; }}'
    if settings.synthetic:
        yield f'map $http_x_pilotage_synthetic ${p}_synthetic {{ default ""; {_exactly(settings.synthetic)} "1"; }}'
    else:
        yield f'map "" ${p}_synthetic {{ default ""; }}'
    yield from _user(settings)
    yield from _page(settings)
    if settings.log:
        yield _log_format(p)
    if settings.lua:
        yield f"lua_shared_dict {p} 4m;"
        keep = f"    keepalive {settings.keepalive};" if settings.keepalive else ""
        yield f"upstream {p} {{\n    server 0.0.0.1;\n{balance(p)}\n{keep}\n}}"
    else:
        yield from _reload_mode(p, state)
        for version, peers in state.peers.items():
            yield _upstream(f"{p}_{_short(version)}", peers, settings.keepalive)
    yield from _control(settings, token, config)
    if settings.listen:
        options = " http2" if settings.grpc else ""
        yield f"server {{\n    listen {_place(settings.listen)}{options};\n    client_max_body_size 0;"
        yield f"    location / {{\n{location}    }}\n}}"


def _user(settings: Settings) -> Iterator[str]:
    """Who sends a request: by cookie or header, or the random text that becomes their cookie."""
    p = settings.prefix
    if settings.cookie:
        pattern = _ID % (re.escape(settings.cookie), p)
        yield f'map $http_cookie ${p}_known {{ default ""; {_in_quotes("~" + pattern)} ${p}_id; }}'
        given = f"{settings.cookie}=$request_id; Path=/; Max-Age={_AGE}; HttpOnly; SameSite=Lax"
        yield f'map ${p}_known ${p}_cookie {{ default ""; "" "{given}"; }}'
    elif settings.header:
        yield f'map "" ${p}_known {{ default $http_{_variable(settings.header)}; }}'
    else:
        yield f'map "" ${p}_known {{ default ""; }}'
    yield f'map ${p}_known ${p}_user {{ default ${p}_known; "" $request_id; }}'
    # The log tells users apart by the end of what identifies them, which lets nobody in.
    yield f'map ${p}_user ${p}_tail {{ default ""; "~(?<{p}_end>.{{1,8}})$" ${p}_end; }}'


def _page(settings: Settings) -> Iterator[str]:
    p, parts = settings.prefix, [""]
    for letter in settings.page or _MAINTENANCE:
        written = _value(p, letter)[1:-1]
        if len((parts[-1] + written).encode()) > _CHUNK:
            parts.append("")
        parts[-1] += written
    if len(parts) > _MOST_CHUNKS:
        raise AdapterError(f"the maintenance page is larger than {_MOST_CHUNKS * _CHUNK} bytes")
    yield from _composed(p, "page", [f'"{part}"' for part in parts])


def _composed(p: str, name: str, parts: Sequence[str]) -> Iterator[str]:
    """A variable with a long value: nginx reads its configuration through a buffer of 4,096 bytes."""
    for number, part in enumerate(parts):
        yield f'map "" ${p}_{name}{number} {{ default {part}; }}'
    names = [f"{p}_{name}{number}" for number in range(len(parts))]
    groups = [names[start : start + _MOST_NAMED] for start in range(0, len(names), _MOST_NAMED)]
    if len(groups) > 1:
        for number, group in enumerate(groups):
            yield f'map "" ${p}_{name}_{number} {{ default "{_joined(group)}"; }}'
        names = [f"{p}_{name}_{number}" for number in range(len(groups))]
    yield f'map "" ${p}_{name} {{ default "{_joined(names)}"; }}'


def _joined(names: Sequence[str]) -> str:
    return "".join(f"${{{name}}}" for name in names)


def _reload_mode(p: str, state: State) -> Iterator[str]:
    """Who gets which version. The first version of a split has the lowest hashes: its users keep it while it grows."""
    split, routes = state.split, state.split.header_routes
    for number, route in enumerate(routes):
        after = f"${p}_tester{number + 1}" if number + 1 < len(routes) else '""'
        yield (
            f"map $http_{_variable(route.header)} ${p}_tester{number} "
            f"{{ default {after}; {_exactly(route.value)} {_short(route.version)}; }}"
        )
    yield f'map "" ${p}_tester {{ default {f"${p}_tester0" if routes else chr(34) * 2}; }}'
    yield f"split_clients ${p}_user ${p}_share {{"
    for version, weight in split.weights[:-1]:
        yield f"    {weight / WHOLE * 100:g}% {_short(version)};"
    yield f"    * {_short(split.weights[-1][0])};\n}}"
    yield f'map ${p}_tester ${p}_to {{ default ${p}_tester; "" ${p}_share; }}'
    yield f'map ${p}_tester ${p}_closed {{ default ""; "" "{"1" if split.closed else ""}"; }}'
    yield f'map ${p}_closed ${p}_retry {{ default ""; "1" "120"; }}'
    kinds = 'default ""; "~^1" "synthetic"; "~^:." "testers";'
    yield f'map "${p}_synthetic:${p}_tester" ${p}_kind {{ {kinds} }}'
    named = {version for version, _ in split.weights} | {route.version for route in routes}
    for name, shown in (("version", str), ("release", artifact_of)):
        versions = " ".join(f"{_short(version)} {_value(p, shown(version))};" for version in sorted(named))
        yield f'map ${p}_closed${p}_to ${p}_{name} {{ default ""; {versions} }}'


def _upstream(name: str, peers: tuple[Peer, ...], keepalive: int) -> str:
    # An instance that refused is left out for a second only: who may get requests at all is the controller's part.
    servers = "".join(f"    server {_place((one.ip, one.port))} max_fails=1 fail_timeout=1s;\n" for one in peers)
    return f"upstream {name} {{\n{servers}{f'    keepalive {keepalive};{chr(10)}' if keepalive else ''}}}"


def _control(settings: Settings, token: str, config: str) -> Iterator[str]:
    """What is answered on the loopback address, to who knows the secret alone."""
    p = settings.prefix
    yield f"server {{\n    listen {_place(settings.control)};\n    access_log off;\n    location / {{ return 404; }}"
    yield "    location = /pilotage {\n        default_type text/plain;"
    yield "        client_body_buffer_size 1m;\n        client_max_body_size 1m;"
    yield f'        if ($http_{_variable(TOKEN_HEADER)} != "{token}") {{ return 404; }}'
    yield control(p, config) if settings.lua else f'        return 200 "config {config} $pid\\n${p}_kept";'
    yield "    }\n}"


def _location(settings: Settings) -> Iterator[str]:
    """Directives of the location that users reach."""
    p, kind = settings.prefix, "grpc" if settings.grpc else "proxy"
    yield 'default_type "text/html; charset=utf-8";'
    if settings.lua:
        yield f'set ${p}_version "";\nset ${p}_kind "";\nset ${p}_release "";'
        yield choose(p)
    else:
        yield f"if (${p}_closed) {{ return 503 ${p}_page; }}"
        yield f"add_header Retry-After ${p}_retry always;"
    if settings.cookie:
        yield f"add_header Set-Cookie ${p}_cookie always;"
    if settings.version_header:
        yield f"add_header {settings.version_header} ${p}_release always;"
    if settings.log:
        yield f"access_log {_in_quotes(settings.log)} {p};"
    target = p if settings.lua else f"{p}_${p}_to"
    if settings.grpc:
        yield f"grpc_pass grpc://{target};"
    else:
        yield f"proxy_pass http://{target};\nproxy_http_version 1.1;"
        yield f"proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection ${p}_connection;"
    yield f"{kind}_set_header Host ${p}_host;"
    yield f"{kind}_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    yield f"{kind}_set_header X-Forwarded-Proto $scheme;"
    yield f"{kind}_set_header X-Pilotage-Synthetic ${p}_synthetic;"
    idle = f"{max(1, round(settings.idle_timeout))}s" if settings.idle_timeout else "24d"
    yield f"{kind}_connect_timeout 2s;\n{kind}_read_timeout {idle};\n{kind}_send_timeout {idle};"
    if settings.retry_idempotent:
        # nginx retries POST only while nothing of it was sent. After ten seconds a request is slow, not unlucky.
        yield f"{kind}_next_upstream error timeout;\n{kind}_next_upstream_tries 3;\n{kind}_next_upstream_timeout 10s;"
    else:
        yield f"{kind}_next_upstream off;"


def _log_format(p: str) -> str:
    fields = {
        "at": "$msec", "version": f"${p}_version", "kind": f"${p}_kind", "status": "$status",
        "seconds": "$upstream_response_time", "method": "$request_method", "path": "$uri", "instance": "$upstream_addr",
        "user": f"${p}_tail", "grpc": "$upstream_trailer_grpc_status$upstream_http_grpc_status",
    }  # fmt: skip
    shown = ",".join(f'"{name}":"{value}"' for name, value in fields.items())
    return f"log_format {p} escape=json '{{{shown}}}';"


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────────


def _short(version: str) -> str:
    """A version as an upstream's name and a map's key."""
    return f"v{hashlib.sha256(version.encode()).hexdigest()[:10]}"


def _variable(header: str) -> str:
    return header.lower().replace("-", "_")


def _exactly(text: str) -> str:
    """A map's key that is this text and no other, capitals included."""
    if any(ord(letter) < 32 for letter in text):
        raise AdapterError(f"{text!r} is no value of a header")
    return _in_quotes(f"~^{re.escape(text)}$")


def _in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(p: str, text: str) -> str:
    """A text in which nginx finds no variable."""
    return _in_quotes(text).replace("$", f"${{{p}_dollar}}")


def _place(place: tuple[str, int]) -> str:
    return f"{show_host(place[0])}:{place[1]}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _chunks(text: str) -> Iterator[str]:
    return (text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK))
