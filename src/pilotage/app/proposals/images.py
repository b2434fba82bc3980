"""Which image of a service its files name: a compose file, or a Dockerfile from which one is built."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pilotage.app.proposals.found import text_of
from pilotage.model.json import Json, JsonObject, object_at

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_PORT = re.compile(r"(?:[\d.]+:)?(?:\d{2,5}:)?(\d{2,5})(?:/tcp)?")
_EXPOSED = re.compile(r"^EXPOSE[ \t]+(\d{2,5})", re.IGNORECASE | re.MULTILINE)
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]{0,200}")
_NOT_THE_SERVICE = re.compile(
    r"postgres|mysql|maria|mongo|redis|valkey|memcached|rabbit|kafka|zookeeper|elastic|opensearch|nginx|traefik|haproxy"
    r"|caddy|envoy|mailhog|mailpit|minio|prometheus|grafana|adminer|localstack"
)
_ALIAS = re.compile(r"\*[A-Za-z0-9_-]")
_MOST_ALIASES = 30
VERSION = "{version}"


@dataclass(frozen=True, kw_only=True)
class Image:
    """image: with `{version}` as its tag · port: on which the program in it listens, None if nothing says so ·
    source: the file that says it."""

    image: str
    port: int | None
    source: str


def propose_image(folder: Path, service: str) -> Image | None:
    """None where no file names an image. service: names the image of a Dockerfile."""
    text, name = text_of(folder, *COMPOSE)
    if text and (found := _in_compose(text, name, service, folder)):
        return found
    text, name = text_of(folder, "Dockerfile", "Containerfile")
    return Image(image=f"{service}:{VERSION}", port=_exposed(text), source=name) if text else None


def with_version(image: str) -> str:
    """The image with `{version}` in the place of its tag."""
    if VERSION in image:
        return image
    image = image.partition("@")[0]
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{VERSION}"


def _exposed(text: str) -> int | None:
    found = _EXPOSED.search(text)
    return int(found[1]) if found else None


def _in_compose(text: str, name: str, service: str, folder: Path) -> Image | None:
    """Of the services of a compose file the one that is built here, else the first that is no database or proxy."""
    services = document(text).get("services")
    parts = [one for one in services.values() if isinstance(one, dict)] if isinstance(services, dict) else []
    ours = [one for one in parts if "build" in one] or [one for one in parts if not _is_other(one)]
    if not ours:
        return None
    dockerfile, _ = text_of(folder, "Dockerfile", "Containerfile")
    image, port = ours[0].get("image"), _port(ours[0]) or _exposed(dockerfile)
    if isinstance(image, str) and _IMAGE.fullmatch(image):
        return Image(image=with_version(image), port=port, source=name)
    return Image(image=f"{service}:{VERSION}", port=port, source=name) if "build" in ours[0] else None


def document(text: str) -> JsonObject:
    """A file as YAML reads it, with its anchors; empty for what is none. Merging many anchors into each other
    grows without bound, so a file with many is not read."""
    import yaml

    if len(_ALIAS.findall(text)) > _MOST_ALIASES:
        return {}
    try:
        return object_at(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def _is_other(part: JsonObject) -> bool:
    image = part.get("image")
    return not isinstance(image, str) or _NOT_THE_SERVICE.search(image) is not None


def _port(part: JsonObject) -> int | None:
    """The first port inside of the container that the service publishes or exposes."""
    for key in ("ports", "expose"):
        listed: Json = part.get(key)
        for one in listed if isinstance(listed, list) else ():
            text = one.get("target") if isinstance(one, dict) else one
            if match := _PORT.fullmatch(str(text)[:40]):
                return int(match[1])
    return None
