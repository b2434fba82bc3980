"""What a router remembers of its listener in its own folder: the way back and `status` find it by that, and what the
listener was last told tells other people's changes from its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters.aws import Access
from pilotage.adapters.files import read_leniently, write_json
from pilotage.model.json import Json, each, entries, find, list_at, read_as, text_at, whole_at
from pilotage.model.traffic import Split

RECORD = "alb.json"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """listener, rules: ARNs, one of them empty · groups: names of target groups to use · target_group: the one that
    new ones are like · sticky: seconds for which users stay · page: the maintenance page."""

    access: Access = field(default_factory=Access)
    listener: str = ""
    rules: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    target_group: str = ""
    sticky: int = 0
    url: str = ""
    page: str = ""

    @property
    def where(self) -> tuple[str, ...]:
        """ARNs of the listener or of the rules."""
        return self.rules or (self.listener,)

    @property
    def listener_arn(self) -> str:
        """A rule's ARN continues its listener's."""
        if self.listener:
            return self.listener
        return self.rules[0].replace(":listener-rule/", ":listener/").rpartition("/")[0]

    @property
    def network(self) -> bool:
        """Whether it is a Network Load Balancer, which knows connections and no requests."""
        return ":listener/net/" in self.listener_arn


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """service, environment: whose · split: the last one that was set · written: what each rule may do now, as text ·
    instances: of each version then, with the address that each is registered by · led: whether users ever were."""

    settings: Settings
    service: str
    environment: str
    split: Split
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instances: Mapping[str, tuple[tuple[str, int, str], ...]] = field(default_factory=dict)
    led: bool = False


def remember(folder: Path, what: Remembered) -> None:
    """Write the record, unless it says the same already."""
    told = what.settings
    record: dict[str, Json] = {
        "settings": {
            **vars(told), "access": {**vars(told.access)}, "rules": list(told.rules), "groups": list(told.groups),
        },
        "service": what.service,
        "environment": what.environment,
        "weights": [list(pair) for pair in what.split.weights],
        "closed": what.split.closed,
        "led": what.led,
        "written": {arn: list(texts) for arn, texts in what.written.items()},
        "instances": {version: [list(one) for one in there] for version, there in what.instances.items()},
    }  # fmt: skip
    if read_leniently(folder / RECORD) != record:
        write_json(folder / RECORD, record)


def remembered(folder: Path) -> Remembered | None:
    """None if no split was ever set from here, or the record cannot be read."""
    found = read_leniently(folder / RECORD)
    try:
        return Remembered(
            settings=read_as(Settings, found, "settings"),
            service=text_at(found, "service"),
            environment=text_at(found, "environment"),
            split=Split(
                tuple((text_at(one, 0), whole_at(one, 1)) for one in list_at(found, "weights")),
                closed=bool(find(found, "closed")),
            ),
            led=bool(find(found, "led")),
            written={arn: tuple(each(text_at, texts)) for arn, texts in entries(list_at, found, "written").items()},
            instances={
                version: tuple((text_at(one, 0), whole_at(one, 1), text_at(one, 2)) for one in there)
                for version, there in entries(list_at, found, "instances").items()
            },
        )
    except ValueError:
        return None


def forget(folder: Path) -> None:
    (folder / RECORD).unlink(missing_ok=True)
