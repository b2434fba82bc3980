"""Whether staging runs what production runs: program, system libraries, packages and variables of one instance each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pilotage.adapters.proc import Running, what_runs
from pilotage.app.readiness.remote import CheckContext
from pilotage.readiness.parity import allowed

_OWN = ("PILOTAGE", "PORT", "PWD", "OLDPWD", "SHLVL", "_", "INVOCATION_ID", "JOURNAL_STREAM")
"""Variables that each environment, or each start of the worker, has of its own."""


def differing(case: CheckContext, staging: str) -> tuple[tuple[str, ...], str]:
    """Differences in words, and what was compared. Raises AdapterError."""
    here = case.plan.environment
    found = {name: _instance(case, name) for name in (staging, here)}
    unseen = [f"{name} {one}" for name, one in found.items() if isinstance(one, str)]
    old, new = found[staging], found[here]
    if isinstance(old, str) or isinstance(new, str):
        return (), f"configuration only: {'; '.join(unseen)}"
    (first, a), (second, b) = old, new
    same = first == second
    wrong = tuple(
        f"{path} {words}" for path, words in differences(a, b, staging, here, packages=same)
        if not allowed(path, case.section.allowed_differences)
    )  # fmt: skip
    what = "program, system libraries, variables" + (" and packages" if same else "")
    return wrong, what if same else f"{what}; {staging} runs {first}, {here} {second}"


def _instance(case: CheckContext, environment: str) -> tuple[str, Running] | str:
    """The version that serves, and what an instance of it runs; or why that is not known."""
    from pilotage.engine.execution.description import describe
    from pilotage.engine.execution.targets import open_target

    serving = case.store.serving(case.plan.service, environment)
    if not serving:
        return "has no version yet"
    section = case.loaded.configuration.environments[environment]
    target = open_target(
        case.store.directory, describe(section, case.folder.root), case.plan.service, environment, token=0
    )
    pids = [one.pid for one in target.fleet.instances() if one.version == serving[0] and one.pid is not None]
    return (serving[0], what_runs(pids[0])) if pids else "shows no process of this machine"


def differences(a: Running, b: Running, staging: str, here: str, *, packages: bool) -> Iterator[tuple[str, str]]:
    """What differs: its path for `allowed_differences`, and how."""
    if a.program != b.program:
        yield "program", f"is {_file(*a.program)} in {staging}, {_file(*b.program)} in {here}"
    for name in sorted(a.libraries.keys() & b.libraries.keys()):
        if a.libraries[name] != b.libraries[name]:
            yield f"libraries.{name}", f"is {a.libraries[name][:12]} in {staging}, {b.libraries[name][:12]} in {here}"
    if packages:
        yield from _of_packages(a.packages, b.packages, staging, here)
    for name in sorted(a.variables ^ b.variables):
        if not name.startswith(_OWN):
            yield f"variables.{name}", f"is set in {staging if name in a.variables else here} only"


def _of_packages(a: Mapping[str, str], b: Mapping[str, str], staging: str, here: str) -> Iterator[tuple[str, str]]:
    for name in sorted(a.keys() | b.keys()):
        if (old := a.get(name, "missing")) != (new := b.get(name, "missing")):
            yield f"packages.{name}", f"is {old} in {staging}, {new} in {here}"


def _file(name: str, digest: str) -> str:
    return f"{name} ({digest[:12]})"
