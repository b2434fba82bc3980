"""Whether staging is like production (R5): two environments of `pilotage.yaml`, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

USUAL = (
    "router.listen", "metrics.admin", "traffic", "synthetic", "flag.file", "analysis.prometheus", "checks", "probes",
    "overrides", "backup", "monitoring",
)  # fmt: skip
"""What two environments of one service differ in by nature: addresses, users, and how closely each is watched."""


def differences(
    staging: Mapping[str, object], production: Mapping[str, object], allowed: Sequence[str]
) -> tuple[tuple[str, object, object], ...]:
    """(path, in staging, in production) of each setting that differs and is neither usual nor allowed."""
    return tuple(
        (path, old, new)
        for path, old, new in _differing(staging, production, "")
        if not any(path == free or path.startswith(f"{free}.") for free in (*USUAL, *allowed))
    )


def _differing(a: object, b: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _differing(a.get(key), b.get(key), f"{path}.{key}" if path else str(key))
    elif a != b:
        yield path, a, b
