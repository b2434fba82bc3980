"""What is ours in an AWS account: names and tags by which any controller finds it again, on whatever machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

OWNER, OF, VERSION, MODEL, ROLE = (f"pilotage:{name}" for name in ("owner", "router", "version", "model", "role"))
"""Tags of what is ours: service and environment, the router, a group's version, the group it was made from, a rule's
role."""
_TAGGED = re.compile(r"[\s.:/+@_-]")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """owner: service and environment · of: which router of theirs · name: begins the names of its groups."""

    owner: str
    of: str
    name: str

    def group(self, version: str) -> str:
        """The name of a version's group: at most 32 letters, digits and hyphens."""
        digest = hashlib.sha256(f"{self.owner}|{self.of}|{version}".encode()).hexdigest()[:12]
        return f"{self.name}-{digest}"

    @property
    def tags(self) -> dict[str, str]:
        return {OWNER: tagged(self.owner), OF: self.of}


def identity_of(service: str, environment: str, where: Sequence[str]) -> Identity:
    """where: ARNs of the listener or the rules."""
    of = hashlib.sha256("|".join(sorted(where)).encode()).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9]+", "-", service).strip("-")[:16].strip("-") or "pilotage"
    return Identity(owner=f"{service}/{environment}", of=of, name=f"x-{name}" if name.startswith("internal") else name)


def tagged(text: str) -> str:
    """A text as a tag takes it: other signs are written as =XX, as in mail."""
    return "".join(
        letter if letter.isalnum() or (_TAGGED.match(letter) and letter.isprintable()) else
        "".join(f"={byte:02X}" for byte in letter.encode())
        for letter in text
    )  # fmt: skip


def untagged(text: str) -> str:
    parts = re.split(r"((?:=[0-9A-F]{2})+)", text)
    return "".join(bytes.fromhex(part.replace("=", "")).decode() if part[:1] == "=" else part for part in parts)
