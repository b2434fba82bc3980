"""The key by which others check what this installation signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from pilotage.adapters.keys import Signer


class KeyElsewhere(Invalid):
    """`signing.key` names the key's place, so create or rotate the key there."""


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """id: short, of the key's digest · public: PEM · earlier: ids of the keys that signed here before."""

    id: str
    public: str
    earlier: tuple[str, ...] = ()


def show(project: Project) -> PublicKey:
    """The signing key of this installation, created if it does not exist. Raises KeyUnusable."""
    from pilotage.adapters.keys import known_keys, signer_of
    from pilotage.engine.integrity.custody import custody_of
    from pilotage.engine.placement.location import made

    signer = signer_of(made(project.directory), custody_of(project.whole).key)
    earlier = tuple(name for name in known_keys(project.directory) if name != signer.id)
    return PublicKey(id=signer.id, public=signer.public, earlier=earlier)


def signer_of(project: Project) -> Signer | None:
    """The key that signs, or None, with a warning, where it cannot be used: records matter more than signatures."""
    from pilotage.adapters import keys
    from pilotage.engine.integrity.custody import custody_of
    from pilotage.engine.placement.location import made

    try:
        return keys.signer_of(made(project.directory), custody_of(project.whole).key)
    except keys.KeyUnusable as error:
        project.warn(f"not signed: {error}")
        return None


def rotate(project: Project, actor: str) -> PublicKey:
    """Make a new key; earlier public keys stay. Raises KeyElsewhere."""
    from pilotage.adapters import keys
    from pilotage.engine.integrity.custody import custody_of
    from pilotage.engine.placement.location import made

    project.require(actor, Permission.ROTATE_KEY)
    if (named := custody_of(project.whole).key) is not None:
        raise KeyElsewhere(f"signing.key is {named}: put the new key there")
    signer = keys.rotate(made(project.directory))
    return PublicKey(id=signer.id, public=signer.public)


def trusted_keys(project: Project, named: tuple[Path, ...]) -> list[str]:
    """Ids of the public keys in these files (PEM); without any, of those that signed here. Raises KeyUnusable."""
    from pilotage.adapters.keys import key_id, known_keys, read_public

    return [key_id(read_public(key)) for key in named] or list(known_keys(project.directory))
