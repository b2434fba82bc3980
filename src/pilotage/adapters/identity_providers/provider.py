"""What every identity provider gives: an address to send the browser to, and then who came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pilotage.adapters.ports import AdapterError


class ProviderDown(AdapterError):
    """The provider does not answer, or not as its standard says."""


class IdentityNotProven(AdapterError):
    """What came back does not prove who somebody is. The message says which rule it breaks."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Who somebody is at a provider. issuer, subject: together never anybody else's · name: the login name there ·
    email: only a verified one · groups: as the provider names them."""

    issuer: str
    subject: str
    name: str
    email: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One sign-in under way. redirect: our address to which the provider sends the browser · state, nonce, verifier:
    secrets of this browser."""

    redirect: str
    state: str
    nonce: str
    verifier: str


class IdentityProvider(Protocol):
    """Every call asks the provider; each raises ProviderDown if it does not answer within 10 s."""

    def address(self, flow: Flow) -> str:
        """Where the browser signs in."""

    def profile(self, flow: Flow, answer: Mapping[str, str], now: float) -> Profile:
        """Who came back. answer: the parameters of the redirect, whose state was compared. Raises IdentityNotProven."""
