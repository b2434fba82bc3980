"""What `{artifact}` and `{artifacts}` mean for a version: the files or the image that its way built, verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.model.traffic import artifact_of
from pilotage.model.way import Artifact

ARTIFACT, ARTIFACTS = "{artifact}", "{artifacts}"


def needs_artifacts(texts: Iterable[str]) -> bool:
    """Whether one of these texts of the configuration has a placeholder for what was built."""
    return any(ARTIFACT in text or ARTIFACTS in text for text in texts)


class Built:
    """Of one service. folder: of the store · expected: digests by version, as the rollout was created with them: what
    has other ones is never started · aside: whether a version is only tried, which leaves no note."""

    def __init__(
        self,
        folder: Path,
        service: str,
        expected: Mapping[str, tuple[str, ...]] | None = None,
        *,
        aside: bool = False,
    ) -> None:
        self._store, self._service, self._expected, self._aside = ArtifactStore(folder), service, expected or {}, aside

    def among(self, texts: Iterable[str], version: str) -> dict[str, str]:
        """`places`, where one of these texts needs them. Raises NeverStarts."""
        return self.places(version) if needs_artifacts(texts) else {}

    def places(self, version: str) -> dict[str, str]:
        """Values of the placeholders for files: `artifact` only where there is exactly one. Raises NeverStarts."""
        files = [one for one in self._made_of(version) if not one.image]
        if not files:
            raise NeverStarts(f"no way has built files for {version}: start one, or remove {{artifact}}")
        name = artifact_of(version)
        try:
            folder = self._store.folder_of(self._service, name, files)
            self._note(name)
        except AdapterError as error:
            raise NeverStarts(str(error)) from None
        found = {"artifacts": str(folder.absolute())}
        return {**found, "artifact": str(folder.absolute() / files[0].name)} if len(files) == 1 else found

    def file(self, version: str) -> tuple[Path, str]:
        """The only file of a version, and its digest. Raises NeverStarts."""
        places = self.places(version)
        files = [one for one in self._made_of(version) if not one.image]
        if len(files) != 1:
            named = ", ".join(one.name for one in files[:4])
            raise NeverStarts(f"{version} is made of {len(files)} files ({named}): {{artifact}} means one alone")
        return Path(places["artifact"]), files[0].digest

    def image(self, version: str) -> str:
        """The reference of its image by digest. Raises NeverStarts."""
        images = [one for one in self._made_of(version) if one.image]
        if len(images) != 1:
            said = f"{len(images)} images" if images else "no image"
            raise NeverStarts(f"the way of {version} has built {said}: {{artifact}} means one")
        try:
            self._note(artifact_of(version))
        except AdapterError as error:
            raise NeverStarts(str(error)) from None
        from pilotage.adapters.hosts.images import repository_of

        repository = repository_of(images[0].name)
        # An image that no registry has is known by its id alone.
        digest = f"sha256:{images[0].digest}"
        return digest if repository == "sha256" else f"{repository}@{digest}"

    def lacks(self, version: str) -> str:
        """Why a version could not be started; empty where nothing speaks against it. Leaves no note."""
        try:
            self._made_of(version)
        except NeverStarts as error:
            return str(error)
        return ""

    def _note(self, version: str) -> None:
        if not self._aside:
            self._store.started(self._service, version)

    def _made_of(self, version: str) -> tuple[Artifact, ...]:
        name = artifact_of(version)
        found = self._store.of(self._service, name)
        if not found:
            raise NeverStarts(f"no way has built {name}: start one with `pilotage way`, or remove {{artifact}}")
        wanted = self._expected.get(name, ())
        digests = tuple(sorted(one.digest for one in found))
        if wanted and tuple(sorted(wanted)) != digests:
            raise NeverStarts(
                f"{name} has the digest {digests[0][:12]}… in the store, and the rollout was created for "
                f"{min(wanted)[:12]}…"
            )
        return found
