"""What an HAProxy's configuration lacks before Pilotage can use it, as the lines to add."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.haproxy import HAProxyRouter
from pilotage.adapters.routers.haproxy_lines import lines_of, uses_of_map
from pilotage.model.finding import Finding


def lacking(router: HAProxyRouter) -> str:
    """What to add to HAProxy's configuration; empty if nothing is missing. The files that its lines name are written
    first, because HAProxy does not start without them. Raises AdapterError."""
    missing = missing_in(router)
    if missing:
        router.prepare()
        return f"{missing}. Then deploy again"
    return ""


def examined(router: HAProxyRouter) -> Iterator[Finding]:
    """For `pilotage doctor`: changes nothing."""
    settings = router.settings
    try:
        process = router.runtime.process()
        missing = missing_in(router)
        current = router.has_settings()
    except AdapterError as error:
        yield Finding("FAIL", "HAProxy", str(error))
        return
    shown = f"{process.version[0]}.{process.version[1]} at {settings.address}"
    if missing:
        yield Finding("FAIL", "HAProxy", f"{missing}. `pilotage deploy` writes the file")
    elif not current:
        cure = "deploy, then reload HAProxy"
        yield Finding("WARN", "HAProxy", f"{shown} has not loaded the present settings of {settings.name}: {cure}")
    else:
        yield Finding("PASS", "HAProxy", shown)


def missing_in(router: HAProxyRouter) -> str:
    """The lines that the running configuration lacks. Raises AdapterError."""
    settings, runtime = router.settings, router.runtime
    uses, wanted = runtime.uses_of(settings.map), uses_of_map(settings)
    included = f"\n{settings.name}-closed,BACKEND," in runtime.statistics()
    if included and uses and uses % wanted == 0:
        return ""
    found = "does not have" if not uses else "has other lines than"
    lines = "\n".join(f"    {line}" for line in lines_of(settings))
    return (
        f"HAProxy {found} the lines of {settings.name}. Put these at the end of the frontend that serves it, the last "
        f"one with your own condition if it serves more:\n{lines}\n"
        f"Start HAProxy with `-f {settings.include}` after its own configuration (Debian: EXTRAOPTS in "
        f"/etc/default/haproxy), and restart it"
    )
