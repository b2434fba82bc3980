"""Whether staging is configured like production (R5): two environments of `pilotage.yaml`, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

USUAL = (
    "router.listen", "metrics.admin", "traffic", "synthetic", "flag.file", "analysis.prometheus", "checks", "probes",
    "overrides", "backup", "monitoring",
)  # fmt: skip
"""What two environments of one service differ in by nature: addresses, users, and how closely each is watched."""


def differences(
    staging: Mapping[str, object], production: Mapping[str, object], allowed_differences: Sequence[str]
) -> tuple[tuple[str, object, object], ...]:
    """(path, in staging, in production) of each setting that differs and is neither usual nor allowed."""
    return tuple(
        (path, old, new)
        for path, old, new in _differing(staging, production, "")
        if not _free(path, (*USUAL, *allowed_differences))
    )


def allowed(path: str, allowed_differences: Sequence[str]) -> bool:
    """Whether the configuration lets it differ: the path itself, or something that it belongs to."""
    return _free(path, allowed_differences)


def _free(path: str, free: Sequence[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in free)


def _differing(a: object, b: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _differing(a.get(key), b.get(key), f"{path}.{key}" if path else str(key))
    elif a != b:
        yield path, a, b
