"""What Envoy is started with, and the listener that users reach: filters, the log of failures, the sample of paths.

The listener comes from a file as routes do, so that a running Envoy takes up other settings. Pure: data in, data out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pilotage.adapters.envoy_admin import ADMIN_SOCKET, BUCKETS_MS, FAILURES, ROUTE_CONFIG, SALT, SAMPLE
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.routers.envoy_resources import TYPE, WATCHED, Settings, Sticky, address, source
from pilotage.adapters.routers.envoy_routes import USER, USER_HEADER
from pilotage.adapters.routers.envoy_stats import admin_cluster
from pilotage.adapters.routers.envoy_tls import transport_socket
from pilotage.adapters.strata import Failing
from pilotage.model.grpc import STATUSES
from pilotage.model.json import Json, JsonObject, find

_COOKIES = "pilotage.cookies"
_LONGEST_PATH = 200
_ALONE = "alone"
_STREAMS = 128
"""Requests at a time over one connection of HTTP/2."""
_SAMPLED = 1
"""Per cent of requests whose path is kept, to learn the service's routes from."""

_HASH = Path(__file__).with_name("failed_user.lua")


def bootstrap(listener: str, connections: int) -> JsonObject:
    """Envoy's bootstrap configuration, relative to its folder: the folder may be moved, and a socket's path must be
    short. listener: name of the listener for users · connections: user connections at a time; further ones are
    rejected."""
    limit = f"{TYPE}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "node": {"id": listener, "cluster": "pilotage", "metadata": {_ALONE: True}},
        "admin": {
            "address": {"pipe": {"path": ADMIN_SOCKET, "mode": 0o600}},
            "ignore_global_conn_limit": True,
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {"@type": limit, "max_active_downstream_connections": connections},
                }
            ]
        },
        # Histograms are otherwise merged every five seconds: too old for a judge that looks every second.
        "stats_flush_on_admin": True,
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": [float(b) for b in BUCKETS_MS]}
            ]
        },
        "static_resources": {"clusters": [admin_cluster()]},
        "dynamic_resources": {"cds_config": source(WATCHED, "cds"), "lds_config": source(WATCHED, "lds")},
    }


def listener_named(bootstrapped: Json) -> str | None:
    """The name of the listener of an Envoy so started; None for one whose listener cannot be changed, because an
    earlier Pilotage started it."""
    if find(bootstrapped, "dynamic_resources", "lds_config") is None:
        return None
    name = find(bootstrapped, "node", "id")
    return None if name is None else str(name)


def listens_alone(bootstrapped: Json) -> bool:
    """Whether an Envoy started like this has its port for itself. A listener cannot change that later."""
    return bool(find(bootstrapped, "node", "metadata", _ALONE))


def listener_of(files: Path, settings: Settings, name: str, *, alone: bool = True, logs: bool = True) -> JsonObject:
    """files: the folder that Envoy watches, as it names it; next to it are logs and the salt · alone: another process
    that listens on the same port is refused, so that no two routers split users between them · logs: whether failed
    requests and some paths are logged there."""
    directory = files.parent
    manager: JsonObject = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "pilotage",
        "codec_type": "AUTO",
        "request_headers_timeout": f"{settings.headers_timeout:g}s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "rds": {"route_config_name": ROUTE_CONFIG, "config_source": source(files, "rds")},
        "early_header_mutation_extensions": [_fresh_user()],
        "access_log": [_failure_log(directory, settings.strata.any_failing), _sample(directory)] if logs else [],
        **({"http2_protocol_options": {"max_concurrent_streams": _STREAMS}} if settings.tls else {}),
        "http_filters": [
            *_user_filters(directory, settings, logs=logs),
            _extension("filters.http.grpc_stats.v3.FilterConfig", stats_for_all_methods=False),
            _extension("filters.http.router.v3.Router"),
        ],
    }
    filters: list[JsonObject] = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": name,
        "address": address(*settings.listen),
        **({"enable_reuse_port": False} if alone else {}),
        "filter_chains": [
            {"filters": filters, **({"transport_socket": transport_socket(files)} if settings.tls else {})}
        ],
    }


def _fresh_user() -> JsonObject:
    """A random text for each request before it is routed, in the place of what the client may have sent."""
    append: JsonObject = {
        "header": {"key": USER_HEADER, "value": "%UNIQUE_ID%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    kind = f"{TYPE}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {"@type": kind, "mutations": [{"append": append}]},
    }


def _user_filters(directory: Path, settings: Settings, *, logs: bool) -> list[JsonObject]:
    """Keeps the user of a request available, and hashes it for the log if the request failed."""
    if not settings.sticky:
        return []
    kept = [_kept(USER, f"%REQ({USER_HEADER})%")]
    if not logs:
        return [_extension("filters.http.set_filter_state.v3.Config", on_request_headers=kept)]
    given = settings.sticky.header or "cookie"
    kept.append(_kept(_COOKIES, f"%REQ({given})%"))
    script = _lua(directory, settings.sticky)
    hashed = _extension("filters.http.lua.v3.Lua", default_source_code={"inline_string": script})
    return [
        _extension("filters.http.set_filter_state.v3.Config", on_request_headers=kept),
        _when(_is_bad(settings.strata.any_failing), hashed),
    ]


def _is_bad(failing: Failing) -> JsonObject:
    """What may be a failed answer. The status of a gRPC call comes after its headers: any call may be one."""
    kinds = [f"{kind}.." for kind in sorted(failing.classes)] + [str(status) for status in sorted(failing.statuses)]
    wanted = [(":status", "|".join(kinds))] if kinds else []
    wanted += [("content-type", "application/grpc.*")] if failing.grpc else []
    said = "type.googleapis.com/envoy.type.matcher.v3.HttpResponseHeaderMatchInput"
    single: list[JsonObject] = [
        {
            "single_predicate": {
                "input": {"name": name, "typed_config": {"@type": said, "header_name": name}},
                "value_match": {"safe_regex": {"google_re2": {}, "regex": regex}},
            }
        }
        for name, regex in wanted
    ]
    return single[0] if len(single) == 1 else {"or_matcher": {"predicate": single}}


def _when(predicate: JsonObject, extension: JsonObject) -> JsonObject:
    """The filter for the answers that the predicate takes; all others pass without it."""
    composite = f"{TYPE}.extensions.filters.http.composite.v3"
    action: JsonObject = {
        "name": "run",
        "typed_config": {"@type": f"{composite}.ExecuteFilterAction", "typed_config": extension},
    }
    matcher: JsonObject = {"predicate": predicate, "on_match": {"action": action}}
    return {
        "name": "envoy.filters.http.composite",
        "typed_config": {
            "@type": f"{TYPE}.extensions.common.matching.v3.ExtensionWithMatcher",
            "extension_config": {"name": "composite", "typed_config": {"@type": f"{composite}.Composite"}},
            "xds_matcher": {"matcher_list": {"matchers": [matcher]}},
        },
    }


def _kept(key: str, value: str) -> JsonObject:
    text: JsonObject = {"omit_empty_values": True, "text_format_source": {"inline_string": value}}
    return {"object_key": key, "factory_key": "envoy.string", "format_string": text, "skip_if_empty": True}


def _lua(directory: Path, sticky: Sticky) -> str:
    """The hash of the user of an answer."""
    cookie = re.sub(r"([^A-Za-z0-9])", r"%\1", sticky.cookie)
    facts = {
        "SALT_FILE": _quoted(str(directory / SALT)),
        "COOKIE": _quoted(cookie),
        "GIVEN": _quoted(_COOKIES),
        "USER": _quoted(USER),
    }
    return "".join(f"local {name} = {value}\n" for name, value in facts.items()) + _HASH.read_text(encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _failure_log(directory: Path, failing: Failing) -> JsonObject:
    """A line for each failed request: never a query, a cookie or a token."""
    filters = [_status(100 * kind, 100 * kind + 99) for kind in sorted(failing.classes)]
    filters += [_status(status, status) for status in sorted(failing.statuses)]
    if failing.grpc:
        filters.append({"grpc_status_filter": {"statuses": [STATUSES[number] for number in sorted(failing.grpc)]}})
    line: JsonObject = {
        "at": "%START_TIME(%s.%3f)%",
        "user": "%DYNAMIC_METADATA(pilotage:user)%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "instance": "%UPSTREAM_HOST%",
        "method": "%REQ(:METHOD):20%",
        "path": f"%PATH(NQ):{_LONGEST_PATH}%",
        "status": "%RESPONSE_CODE%",
        "grpc": "%GRPC_STATUS_NUMBER%",
        "flags": "%RESPONSE_FLAGS%",
    }
    return _log(directory / FAILURES, _any(filters), {"json_format": line})


def _sample(directory: Path) -> JsonObject:
    """Some users' paths, a line each."""
    share: JsonObject = {"numerator": _SAMPLED, "denominator": "HUNDRED"}
    some: JsonObject = {
        "runtime_filter": {
            "runtime_key": "pilotage.sample",
            "percent_sampled": share,
            "use_independent_randomness": True,
        }
    }
    users: JsonObject = {
        "header_filter": {"header": {"name": SYNTHETIC_HEADER, "present_match": True, "invert_match": True}}
    }
    line: JsonObject = {"text_format_source": {"inline_string": f"%PATH(NQ):{_LONGEST_PATH}%\n"}}
    return _log(directory / SAMPLE, {"and_filter": {"filters": [some, users]}}, line)


def _log(path: Path, wanted: JsonObject, line: JsonObject) -> JsonObject:
    kind = f"{TYPE}.extensions.access_loggers.file.v3.FileAccessLog"
    config: JsonObject = {"@type": kind, "path": str(path), "log_format": line}
    return {"name": "envoy.access_loggers.file", "filter": wanted, "typed_config": config}


def _status(first: int, last: int) -> JsonObject:
    """Answers with a status from `first` to `last`."""
    bounds = [("GE", first), ("LE", last)] if first != last else [("EQ", first)]
    filters: list[JsonObject] = [
        {
            "status_code_filter": {
                "comparison": {"op": op, "value": {"default_value": at, "runtime_key": "pilotage.none"}}
            }
        }
        for op, at in bounds
    ]
    return filters[0] if len(filters) == 1 else {"and_filter": {"filters": filters}}


def _any(filters: Sequence[JsonObject]) -> JsonObject:
    return filters[0] if len(filters) == 1 else {"or_filter": {"filters": filters}}


def _extension(kind: str, **config: Json) -> JsonObject:
    name = kind.rpartition(".v3.")[0]
    return {"name": f"envoy.{name}", "typed_config": {"@type": f"{TYPE}.extensions.{kind}", **config}}
