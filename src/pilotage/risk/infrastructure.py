"""What a change does next to the code: where it runs, how it is built, how it is configured."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pilotage.model.change import FileKind, FilePatch
from pilotage.model.file_kind import LONGEST_PATH, kind_of
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_KINDS = (
    (re.compile(r"\.(tf|tfvars|hcl|bicep)$"), "provisioning", RiskLevel.HIGH),
    (re.compile(r"(^|/)(helm|charts|k8s|kubernetes|kustomiz|Chart\.y|values[^/]*\.yaml)"), "cluster", RiskLevel.MEDIUM),
    (re.compile(r"(^|/)(ansible|playbooks|cloudformation)/"), "provisioning", RiskLevel.HIGH),
    (re.compile(r"Dockerfile|compose[^/]*\.ya?ml$|Vagrantfile|Procfile"), "image", RiskLevel.MEDIUM),
    (re.compile(r"nginx[^/]*\.conf$"), "routing", RiskLevel.MEDIUM),
)
_CURE = {
    "provisioning": "apply it to a copy of the environment first, and keep its plan (`terraform plan -out`)",
    "cluster": "compare the rendered manifests of both versions before the release",
    "image": "build the image once, and release the tested digest",
    "routing": "test the routes on the preview before users reach them",
}


def findings_of(files: Iterable[FilePatch]) -> list[Finding]:
    """One finding per kind of infrastructure. Build pipelines do not reach users and are not findings."""
    touched: dict[tuple[str, RiskLevel], list[FilePatch]] = {}
    for file in files:
        if kind_of(file.path) is not FileKind.INFRASTRUCTURE:
            continue
        for pattern, name, level in _KINDS:
            if pattern.search(file.path[-LONGEST_PATH:]):
                touched.setdefault((name, level), []).append(file)
                break
    found = []
    for (name, level), patches in touched.items():
        lines = sum(p.added + p.deleted for p in patches)
        count = len({p.path for p in patches})
        words = f"{name}: {lines} line{'s' * (lines != 1)} in {count} file{'s' * (count != 1)}"
        found.append(Finding(RiskFactor.INFRASTRUCTURE, level, words, patches[0].path, _CURE[name]))
    return found
