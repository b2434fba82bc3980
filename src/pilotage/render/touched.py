"""Which services a range of commits touches, as JSON."""

from __future__ import annotations

from pilotage.model.output.touched import ChangedOutput, ServiceChangedOutput, TouchingPathOutput
from pilotage.report.touched import Range


def changed_output(range_: str, found: Range) -> ChangedOutput:
    """range_: as it was asked about."""
    services = tuple(
        ServiceChangedOutput(
            service=one.service, touched=bool(one),
            files=tuple(TouchingPathOutput(path=path, reason=reason.value) for path, reason in one.because),
        )
        for one in found.services
    )  # fmt: skip
    return ChangedOutput(range=range_, services=services, shared=found.shared, ignored=found.ignored)
