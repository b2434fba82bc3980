"""Who a commit is by: one person by every address and name that the history shows together."""

from __future__ import annotations

_NOBODY = frozenset(("your name", "john doe", "jane doe", "first last", "unknown author", "no author", "root user"))
"""Names that installers and templates give to anybody."""


class People:
    """Addresses and names as the mail map has them (`%aN`, `%aE`); someone without a line there is known by an address
    met before, or else by a full name met before."""

    def __init__(self) -> None:
        self._by_address: dict[str, str] = {}
        self._by_name: dict[str, str] = {}

    def address(self, name: str, address: str) -> str:
        """The address that stands for a person: the first one met, in lower case."""
        address, name = address.lower(), " ".join(name.lower().split())
        full = name if " " in name and name not in _NOBODY and "[bot]" not in name else ""
        found = self._by_address.get(address) or self._by_name.get(full, address)
        self._by_address[address] = found
        if full:
            self._by_name.setdefault(full, found)
        return found
