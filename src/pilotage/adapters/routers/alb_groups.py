"""Target groups of versions: made from the one that the listener had, or given by name; and the targets in them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pilotage.adapters.aws import Aws, Recent, Refused
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.resolving import addresses
from pilotage.adapters.routers.alb_identity import MODEL, OF, OWNER, ROLE, VERSION, Identity, tagged, untagged
from pilotage.model.json import Json, JsonObject, each, find, list_at, object_at, text_at, whole_at

_COPIED = (
    "Protocol", "ProtocolVersion", "Port", "VpcId", "HealthCheckProtocol", "HealthCheckPort", "HealthCheckEnabled",
    "HealthCheckPath", "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount",
    "UnhealthyThresholdCount", "Matcher", "TargetType", "IpAddressType",
)  # fmt: skip
_OF_TCP = ("HealthCheckPath", "Matcher")
_AT_ONCE = 20
MOST_PAGES = 50
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
Address = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Group:
    """version: empty where none is in a group that was given."""

    arn: str
    version: str
    kind: str
    model: str = ""


@dataclass(kw_only=True)
class Groups:
    """given: names of groups to use instead of own ones · model: name or ARN of the group that new ones are like; empty
    for the one found · check: raises Fenced."""

    aws: Aws
    identity: Identity
    given: tuple[str, ...]
    model: str
    check: Callable[[], None]
    _tags: dict[str, dict[str, str]] = field(default_factory=dict)
    _found: dict[str, Group] = field(default_factory=dict)
    _recent: Recent = field(default_factory=Recent)
    _instances: dict[str, str] = field(default_factory=dict)

    def ours(self, arns: Iterable[str], *, look: bool = False) -> dict[str, str]:
        """The version of each of these groups that is ours; others are left out. Raises AdapterError."""
        tags = self.tags(arns := list(arns), look=look)
        return {
            arn: untagged(tags[arn][VERSION])
            for arn in arns
            if self._mine(tags.get(arn, {})) and VERSION in tags.get(arn, {})
        }

    def tags(self, arns: Iterable[str], *, look: bool = False) -> dict[str, dict[str, str]]:
        """Tags of groups and rules. Those of ours stay as they are, unless groups are given. Raises AdapterError."""
        wanted = list(dict.fromkeys(arns))
        asked = [arn for arn in wanted if arn not in self._tags]
        for first in range(0, len(asked), _AT_ONCE):
            answer = self.aws.call(
                "elbv2", "describe_tags", {"ResourceArns": asked[first : first + _AT_ONCE]}, look=look
            )
            for one in list_at(answer, "TagDescriptions"):
                pairs = {text_at(tag, "Key"): str(find(tag, "Value") or "") for tag in list_at(one, "Tags")}
                self._tags[text_at(one, "ResourceArn")] = pairs
        found = {arn: self._tags.get(arn, {}) for arn in wanted}
        if self.given:
            self._tags = {arn: tags for arn, tags in self._tags.items() if ":targetgroup/" not in arn}
        return found

    def mine(self, arns: Iterable[str], *, look: bool = False) -> dict[str, str]:
        """The role of each of these rules that is ours. Raises AdapterError."""
        return {arn: tags.get(ROLE, "") for arn, tags in self.tags(arns, look=look).items() if self._mine(tags)}

    def _mine(self, tags: Mapping[str, str]) -> bool:
        return all(tags.get(key) == value for key, value in self.identity.tags.items())

    # ── groups ─────────────────────────────────────────────────────────────────────────────────────────────

    def every(self) -> list[Group]:
        """All groups of this router, also those that no rule names. Raises AdapterError."""
        found = self._described(Names=list(self.given)) if self.given else self._with_our_name()
        tags = self.tags(text_at(one, "TargetGroupArn") for one in found)
        groups = []
        for one in found:
            arn = text_at(one, "TargetGroupArn")
            version = untagged(tags[arn].get(VERSION, "")) if self._mine(tags[arn]) else ""
            if version or self.given:
                kind = text_at(one, "TargetType")
                groups.append(Group(arn=arn, version=version, kind=kind, model=tags[arn].get(MODEL, "")))
        return groups

    def ensure(self, version: str, serving: Mapping[str, int], needed: Iterable[str]) -> Group:
        """The group of a version, made or chosen where there is none. serving: weights of the groups of the listener ·
        needed: versions that keep theirs. Raises AdapterError."""
        known = self._found.get(version)
        if known is not None and not self.given:
            return known
        group = self._chosen(version, set(needed)) if self.given else self._made(version, serving)
        self._found[version] = group
        return group

    def _chosen(self, version: str, needed: set[str]) -> Group:
        groups = self.every()
        if missing := len(self.given) - len(groups):
            raise AdapterError(f"{missing} of the target groups {', '.join(self.given)} do not exist")
        if there := next((group for group in groups if group.version == version), None):
            return there
        free = next((group for group in groups if group.version not in needed), None)
        if free is None:
            raise AdapterError(f"all of {', '.join(self.given)} are in use: add a name to router.target_groups")
        if left := [address for address, state in self.targets(free.arn).items() if state != "draining"]:
            self.deregister(free.arn, left)
        tags = {**self.identity.tags, VERSION: tagged(version)}
        self._write("add_tags", ResourceArns=[free.arn], Tags=_pairs(tags))
        return Group(arn=free.arn, version=version, kind=free.kind)

    def _made(self, version: str, serving: Mapping[str, int]) -> Group:
        name = self.identity.group(version)
        found = self._described(Names=[name])
        model = self.model_of(serving)
        if not found:
            arguments = {key: model[key] for key in _COPIED if model.get(key) is not None}
            if str(model.get("HealthCheckProtocol")) in ("TCP", "TLS"):
                arguments = {key: value for key, value in arguments.items() if key not in _OF_TCP}
            tags = {**self.identity.tags, VERSION: tagged(version), MODEL: text_at(model, "TargetGroupArn")}
            answer = self._write("create_target_group", Name=name, Tags=_pairs(tags), **arguments)
            found = each(object_at, answer, "TargetGroups")
        arn = text_at(found[0], "TargetGroupArn")
        if not self.ours([arn]):
            self._tags.pop(arn, None)
            if not self.ours([arn]):
                raise AdapterError(f"the target group {name} exists, and is not Pilotage's: rename or delete it")
        self._copy_attributes(text_at(model, "TargetGroupArn"), arn)
        return Group(arn=arn, version=version, kind=text_at(found[0], "TargetType"))

    def model_of(self, serving: Mapping[str, int]) -> JsonObject:
        """The group that new ones are like: the one that is configured, of the others that there are, or that serves
        users. Raises AdapterError."""
        name = self.model or next((group.model for group in self.every() if group.model), "")
        if not name:
            ours = self.ours(serving)
            foreign = sorted((arn for arn in serving if arn not in ours), key=lambda arn: -serving[arn])
            name = foreign[0] if foreign else ""
        if not name:
            raise AdapterError(
                "the listener forwards to no target group that new ones could be like", cure="set router.target_group"
            )
        found = self._described(**{"TargetGroupArns" if name.startswith("arn:") else "Names": [name]})
        if not found:
            raise AdapterError(
                f"the target group {name} does not exist", cure="set router.target_group to one that does"
            )
        if (kind := text_at(found[0], "TargetType")) not in ("ip", "instance"):
            raise AdapterError(f"{name} has targets of type {kind}, and Pilotage registers ip and instance")
        return found[0]

    def _copy_attributes(self, model: str, arn: str) -> None:
        wanted, there = self.attributes(model), self.attributes(arn)
        differ = {key: value for key, value in wanted.items() if value and there.get(key) != value}
        if differ:
            self._write("modify_target_group_attributes", TargetGroupArn=arn, Attributes=_pairs(differ))

    def attributes(self, arn: str) -> dict[str, str]:
        answer = self.aws.call("elbv2", "describe_target_group_attributes", {"TargetGroupArn": arn})
        return {text_at(one, "Key"): str(find(one, "Value") or "") for one in list_at(answer, "Attributes")}

    def remove(self, group: Group) -> None:
        """Delete a group of ours that no rule names; leave one that was given without targets and tags."""
        self._found.pop(group.version, None)
        self._tags.pop(group.arn, None)
        if not self.given:
            with if_there():
                self._write("delete_target_group", TargetGroupArn=group.arn)
            return
        if targets := self.targets(group.arn):
            self.deregister(group.arn, targets)
        self._write("remove_tags", ResourceArns=[group.arn], TagKeys=[OWNER, OF, VERSION])

    def _with_our_name(self) -> list[JsonObject]:
        begins = f"{self.identity.name}-"
        return [one for one in self._described() if text_at(one, "TargetGroupName").startswith(begins)]

    def _described(self, **which: Json) -> list[JsonObject]:
        found: list[JsonObject] = []
        marker: dict[str, Json] = {}
        for _ in range(MOST_PAGES):
            try:
                answer = self.aws.call("elbv2", "describe_target_groups", {**which, **marker})
            except Refused as error:
                if error.reason.startswith("TargetGroupNotFound"):
                    return []
                raise
            found += each(object_at, answer, "TargetGroups")
            if not find(answer, "NextMarker"):
                return found
            marker = {"Marker": text_at(answer, "NextMarker")}
        raise AdapterError(f"AWS's list of target groups does not end after {MOST_PAGES} pages")

    # ── targets ────────────────────────────────────────────────────────────────────────────────────────────

    def targets(self, arn: str, *, look: bool = False) -> dict[Address, str]:
        """The state of each target by its id and port: initial, healthy, unhealthy, draining, unused, unavailable.
        Raises AdapterError."""
        return self._recent.of(arn, lambda: self._states(arn, look)) if look else self._states(arn, look)

    def _states(self, arn: str, look: bool) -> dict[Address, str]:
        answer = self.aws.call("elbv2", "describe_target_health", {"TargetGroupArn": arn}, look=look)
        return {
            (text_at(one, "Target", "Id"), whole_at(one, "Target", "Port")): text_at(one, "TargetHealth", "State")
            for one in list_at(answer, "TargetHealthDescriptions")
        }

    def register(self, arn: str, targets: Iterable[Address]) -> None:
        self._write("register_targets", TargetGroupArn=arn, Targets=_targets(targets))

    def deregister(self, arn: str, targets: Iterable[Address]) -> None:
        self._write("deregister_targets", TargetGroupArn=arn, Targets=_targets(targets))

    def target_of(self, kind: str, host: str, port: int) -> Address:
        """An instance as a target of a group of this kind. Raises AdapterError."""
        if kind == "instance":
            return (host if _INSTANCE.fullmatch(host) else self._instance_at(_ip(host)), port)
        return _ip(host), port

    def _instance_at(self, ip: str) -> str:
        if ip not in self._instances:
            filters: Json = [{"Name": "private-ip-address", "Values": [ip]}]
            answer = self.aws.call("ec2", "describe_instances", {"Filters": filters})
            ids = [
                text_at(one, "InstanceId")
                for reservation in list_at(answer, "Reservations")
                for one in list_at(reservation, "Instances")
            ]
            if len(ids) != 1:
                raise AdapterError(
                    f"{len(ids)} EC2 instances have the private address {ip}: use a target group of type ip"
                )
            self._instances[ip] = ids[0]
        return self._instances[ip]

    def _write(self, operation: str, **arguments: Json) -> JsonObject:
        return self.aws.call("elbv2", operation, arguments, within=5.0, before=self.check)


@contextlib.contextmanager
def if_there() -> Iterator[None]:
    """Somebody may have deleted the group meanwhile."""
    try:
        yield
    except Refused as error:
        if not error.reason.startswith("TargetGroupNotFound"):
            raise


def _targets(targets: Iterable[Address]) -> Json:
    return [{"Id": host, "Port": port} for host, port in targets]


def _pairs(tags: Mapping[str, str]) -> Json:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _ip(host: str) -> str:
    try:
        return str(addresses(host, 0, 1.0)[0][4][0])
    except (OSError, ValueError, IndexError):
        raise AdapterError(f"the address of {host} cannot be resolved, and targets are registered by it") from None
