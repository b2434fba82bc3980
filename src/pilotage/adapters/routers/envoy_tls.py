"""TLS towards users: the certificate that Envoy serves, and how a renewed one takes its place.

Envoy reads copies of the two files, which a discovery file names: both change in one step, and only after they were
found to belong together and to be valid. So a renewal that is wrong, or half written, leaves what is served, also
where Envoy starts again. Connections that are open keep the certificate that they began with.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers.envoy_place import COPIES, EnvoyPlace
from pilotage.adapters.routers.envoy_resources import TYPE, Tls, address, source
from pilotage.model.json import JsonObject, find

if TYPE_CHECKING:
    from pilotage.adapters.certificates import Pair

_log = logging.getLogger(__name__)
_SECRET = "users"
_FILE = "xds/sds.json"
"""The secret of Envoy that names the two copies."""
_HTTPS = 443


def transport_socket(files: Path) -> JsonObject:
    """What a listener speaks. files: the folder of discovery files, as Envoy names it."""
    kind = f"{TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    common: JsonObject = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificate_sds_secret_configs": [{"name": _SECRET, "sds_config": source(files, "sds")}],
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": kind, "common_tls_context": common},
    }


def redirect_listener(at: tuple[str, int], to: int, name: str) -> JsonObject:
    """Sends who asks without TLS to the same address with it. at: host and port · to: port · name: of the listener
    that users reach."""
    port: JsonObject = {} if to == _HTTPS else {"port_redirect": to}
    route: JsonObject = {
        "match": {"prefix": "/"},
        "redirect": {"https_redirect": True, "response_code": "PERMANENT_REDIRECT", **port},
    }
    manager: JsonObject = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "pilotage_redirect",
        "request_headers_timeout": "10s",
        "route_config": {
            "name": "redirect",
            "virtual_hosts": [{"name": "redirect", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters: list[JsonObject] = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": f"redirect-of-{name}",
        "address": address(*at),
        "enable_reuse_port": False,
        "filter_chains": [{"filters": filters}],
    }


def examined(tls: Tls, content: Callable[[str], bytes]) -> Pair:
    """The certificate as the files say it now. content: of a file. Raises AdapterError."""
    # Light to import: most routers speak no TLS.
    from pilotage.adapters.certificates import now, pair_of

    return pair_of(content(tls.certificate), content(tls.key), names=(tls.certificate, tls.key), now=now())


class Certificates:
    """The certificate of one Envoy."""

    def __init__(self, place: EnvoyPlace, tls: Tls) -> None:
        self._place, self._tls = place, tls
        self._seen: Hashable = None
        self._bad: Hashable = None

    def refresh(self) -> None:
        """Let Envoy have what lies in the files. Raises AdapterError if that is wrong and Envoy has no other one."""
        seen = tuple(self._place.signature(path) for path in (self._tls.certificate, self._tls.key))
        if seen == self._seen and self._has_one():
            return
        try:
            pair = examined(self._tls, self._place.content)
        except Unreachable:
            raise
        except AdapterError as error:
            if not self._has_one():
                raise
            # A renewal writes two files: what is wrong only between the two is no trouble.
            if self._bad == seen:
                self._seen = seen
                _log.warning("users still get the certificate before: %s", error)
            self._bad = seen
            return
        try:
            self._take(pair)
        except (Unreachable, Fenced):
            raise
        except (AdapterError, OSError) as error:
            # A full disk keeps nobody on a bad version.
            if not self._has_one():
                raise
            _log.warning("users still get the certificate before: %s", error)
            return
        self._seen = seen

    def _has_one(self) -> bool:
        named = self._named()
        return bool(named) and self._place.has(named)

    def _named(self) -> tuple[str, ...]:
        """The copies that Envoy was told of."""
        written = self._place.read(_FILE)
        parts = ("certificate_chain", "private_key")
        found = [find(written, "resources", 0, "tls_certificate", part, "filename") for part in parts]
        return tuple(one for one in found if isinstance(one, str))

    def _take(self, pair: Pair) -> None:
        before = self._named()
        names = [f"{COPIES}/{pair.digest}.{part}" for part in ("crt", "key")]
        for name, content in zip(names, (pair.certificate, pair.key), strict=True):
            if not self._place.has([name]):
                self._place.write(name, content)
        secret: JsonObject = {
            "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.Secret",
            "name": _SECRET,
            "tls_certificate": {"certificate_chain": {"filename": names[0]}, "private_key": {"filename": names[1]}},
        }
        told: JsonObject = {"version_info": pair.digest, "resources": [secret]}
        if find(self._place.read(_FILE), "version_info") != pair.digest:
            self._place.write(_FILE, json.dumps(told, indent=1, sort_keys=True).encode())
            if before:
                _log.info("users get a new certificate of %s, valid until %s", ", ".join(pair.names), pair.until)
        # Envoy may still be about to read the ones before.
        self._place.remove_others(COPIES, [*names, *before])
