"""What a change does next to the code: where it runs, how it is built, how it is configured."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping

from pilotage.model.change import FileKind, FilePatch
from pilotage.model.file_kind import LONGEST_PATH
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.model.wording import counted
from pilotage.risk.base_images import steps_of

_CLUSTER = ("cluster", RiskLevel.MEDIUM)
_KINDS = (
    (re.compile(r"\.(tf|tfvars|tftpl|tofu|hcl|bicep|tf\.json|tfvars\.json)$"), "provisioning", RiskLevel.HIGH),
    (re.compile(r"(^|/)(k8s|kubernetes|kustomiz|deploy/manifests|skaffold|helmfile|Chart\.y)"), *_CLUSTER),
    (re.compile(r"(^|/)(ansible|playbooks|cloudformation|terraform)/"), "provisioning", RiskLevel.HIGH),
    (re.compile(r"Dockerfile|Containerfile|compose[^/]*\.ya?ml$|Vagrantfile|Procfile"), "image", RiskLevel.MEDIUM),
    (re.compile(r"nginx[^/]*\.conf$"), "routing", RiskLevel.MEDIUM),
)
_SHOWN = {
    "provisioning": "provisioning of machines and services", "cluster": "deployment to the cluster",
    "image": "container image", "routing": "routing of requests",
}  # fmt: skip
_CURE = {
    "provisioning": "apply it to a copy of the environment first, and keep its plan (`terraform plan -out`)",
    "cluster": "compare the rendered manifests of both versions before the release",
    "image": "build the image once, and release the tested digest",
    "routing": "test the routes on the preview before users reach them",
}


def charts_of(files: Iterable[FilePatch]) -> list[str]:
    """Where a `Chart.yaml` would make some of these files parts of a Helm chart."""
    return sorted({f"{chart}Chart.yaml" for file in files if file.kind in _OPEN for chart in _chart(file.path)})


def _chart(path: str) -> Iterator[str]:
    """The folder of the chart that a file may belong to, with its slash."""
    if found := _TEMPLATE.search(path[-LONGEST_PATH:]):
        yield path[: len(path) - len(found[0])] + found[1]
    elif posixpath.basename(path).startswith("values") and path.endswith((".yaml", ".yml")):
        yield path[: path.rfind("/") + 1]


_TEMPLATE = re.compile(r"(^|/)(templates|crds)/[^/]*(/[^/]*)?\.(ya?ml|tpl|txt)$")


def images_of(files: Iterable[FilePatch]) -> list[str]:
    """The container files among these, whose base images are worth naming."""
    return sorted({file.path for file in files if (sort := _sort(file, ())) is not None and sort[0] == "image"})


def findings_of(
    files: Iterable[FilePatch], charts: Container[str], images: Mapping[str, tuple[str, str]] | None = None
) -> list[Finding]:
    """One finding per kind of infrastructure. Build pipelines do not reach users and are not findings. charts: the
    `Chart.yaml` of the repository that `charts_of` asked for · images: the files of `images_of`, before and after; a
    finding that says which image changed is a fact, as an upgraded package is."""
    touched: dict[tuple[str, RiskLevel], list[FilePatch]] = {}
    for file in files:
        if (sort := _sort(file, charts)) is not None:
            touched.setdefault(sort, []).append(file)
    found = []
    for (name, level), patches in touched.items():
        lines = sum(p.added + p.deleted for p in patches)
        count = len({p.path for p in patches})
        words = f"{_SHOWN[name]}: {counted(lines, 'line')} in {counted(count, 'file')}"
        if name == "image" and (steps := steps_of(images or {})):
            named = {path for path, texts in (images or {}).items() if steps_of({path: texts})}
            if lines <= 2 * count * len(steps) and named.issuperset(p.path for p in patches):
                found.append(Finding(RiskFactor.INFRASTRUCTURE, level, f"{_SHOWN[name]}: {', '.join(steps)}"))
                continue
            words += f"; {', '.join(steps[:3])}"
        found.append(Finding(RiskFactor.INFRASTRUCTURE, level, words, patches[0].path, _CURE[name]))
    return found


def _sort(file: FilePatch, charts: Container[str]) -> tuple[str, RiskLevel] | None:
    if file.kind in _OPEN and any(f"{chart}Chart.yaml" in charts for chart in _chart(file.path)):
        return _CLUSTER
    path = file.path[-LONGEST_PATH:]
    if file.kind is not FileKind.INFRASTRUCTURE or ".devcontainer/" in path:
        return None
    return next(((name, level) for pattern, name, level in _KINDS if pattern.search(path)), None)


def reaches_users(file: FilePatch) -> bool:
    """Whether a file of infrastructure is part of what runs: a build pipeline is not."""
    return _sort(file, ()) is not None


_OPEN = (FileKind.INFRASTRUCTURE, FileKind.CONFIGURATION, FileKind.DOCUMENTATION, FileKind.OTHER)
"""Kinds of a file that its place in a chart makes a part of it."""
