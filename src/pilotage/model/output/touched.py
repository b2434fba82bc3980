"""What `changed` prints as JSON."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class TouchingPathOutput(Part, frozen=True, kw_only=True):
    """A changed file that touches a service."""

    path: str
    """From the root of the repository."""
    reason: str
    """`own`, `built-from`, or `shared` for one that belongs to no service."""


class ServiceChangedOutput(Part, frozen=True, kw_only=True):
    """A service, and what touches it."""

    service: str
    """Its name."""
    touched: bool
    """Whether any file touches it."""
    files: tuple[TouchingPathOutput, ...]
    """Those that touch it."""


class ChangedOutput(Output, frozen=True, kw_only=True):
    """`changed`."""

    range: str
    """The range that was asked about."""
    services: tuple[ServiceChangedOutput, ...]
    """Every service, in the order of the configuration."""
    shared: tuple[str, ...]
    """Files that belong to no service, and so touch all of them."""
    ignored: tuple[str, ...]
    """Files that `ignored_paths` names."""
