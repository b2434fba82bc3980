"""Images of versions: resolved to a digest once, brought to a host, and started by that digest from then on.

A tag that moves afterwards changes nothing: neither for another host of the same rollout, nor for an instance that is
started again, nor for the way back.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, write_json
from pilotage.adapters.hosts.container_runtime import ContainerRuntime, NoRuntime
from pilotage.adapters.hosts.host import Done, Unreachable
from pilotage.adapters.hosts.together import BRINGING, Errand
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.stages.built import Built, needs_artifacts
from pilotage.config.containers import ContainerSection
from pilotage.model.json import JsonObject, text_at
from pilotage.model.traffic import artifact_of

_LONGEST_PULL = 1800.0
_PATIENCE = 2.0
"""Seconds that a start waits for its image."""
_KEPT = 200
"""Versions whose digests are remembered."""
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
"""Names of processors: the kernel's, and those of images."""
_WHOLE = re.compile(r"[^:@]+(?::\d+/[^:@]+)?(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?", re.ASCII)
"""A reference to one image, all placeholders filled in."""
_MISSING = re.compile(
    r"manifest unknown|not found|no such manifest|name unknown|repository .{1,300} does not exist", re.I
)
_REFUSED = re.compile(r"unauthorized|authentication required|denied|forbidden", re.I)
_NO_ROOM = re.compile("no space left", re.I)
_FOR_GOOD = (_MISSING, _REFUSED, _NO_ROOM)
"""What waiting does not change; a registry that cannot be reached may come back."""
_BEST = ("index", "image", "unknown")
"""Which of several names of an image to keep: an index has one for each kind of processor."""
_SINGLE = "Treating single images as manifest lists"
"""What podman 4 answers about an image that the registry has, for one kind of processor."""


class NoImage(NeverStarts):
    """The host does not have the image, and waiting does not change it."""


class Pins:
    """Which image a version is, on this machine, for all hosts of a fleet: `name@sha256:…`, or the id of an image that
    is in no registry."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()

    def of(self, version: str, reference: str) -> str:
        """Empty for a version that was never resolved, or from another reference."""
        kept = self._read().get(version, {})
        return kept.get("image", "") if kept.get("reference") == reference else ""

    def keep(self, version: str, reference: str, image: str) -> str:
        """Keep it, unless another thread was first. Returns the one that counts. Raises AdapterError."""
        with self._lock:
            if before := self.of(version, reference):
                return before
            kept = {**self._read(), version: {"reference": reference, "image": image}}
            try:
                write_json(self._file, dict(list(kept.items())[-_KEPT:]))
            except OSError as error:
                raise AdapterError(f"cannot write {self._file}: {error.strerror}") from error
            return image

    def _read(self) -> dict[str, Mapping[str, str]]:
        found = read_json(self._file)
        entries = found.items() if isinstance(found, Mapping) else ()
        return {
            version: {key: str(value) for key, value in entry.items()}
            for version, entry in entries
            if isinstance(entry, Mapping)
        }


class Images:
    """The images of one service on one host. built: what `{artifact}` means."""

    def __init__(
        self, runtime: ContainerRuntime, section: ContainerSection, pins: Pins, built: Built | None = None
    ) -> None:
        self._built = built
        self._runtime, self._section, self._pins = runtime, section, pins
        self._machine = ""
        self._pulling: dict[str, Errand[str]] = {}

    def reference(self, version: str) -> str:
        """The image as the configuration names it. Raises NoImage where no registry can have one of that name."""
        places = {"version": artifact_of(version)}
        if self._built is not None and needs_artifacts([self._section.image]):
            try:
                places["artifact"] = self._built.image(version)
            except NeverStarts as error:
                raise NoImage(str(error)) from None
        name = filled(self._section.image, places)
        if not _WHOLE.fullmatch(name):
            raise NoImage(f"{name} is not the name of an image: tags have letters, digits, dots and dashes only")
        return name

    def pinned(self, version: str) -> str:
        """The image to start; empty until it was brought here or to another host."""
        name = artifact_of(version)
        return self._pins.of(name, self.reference(name))

    def adopt(self, version: str, image: str) -> None:
        """Remember what a container was started from, where our own record is lost."""
        with contextlib.suppress(NoImage):
            if image and not self.pinned(version):
                self._pins.keep(artifact_of(version), self.reference(version), image)

    def ready(self, version: str, fence: Fence) -> str:
        """The image to start, which the host has. One that is missing, such as one that someone removed, is pulled
        beside: that may take minutes. Raises AdapterError while it does, NoImage where it cannot be had."""
        if (pulling := self._pulling.get(version)) is not None:
            if not pulling.wait(time.monotonic() + _PATIENCE):
                raise AdapterError(f"{self._runtime.place}pulling {self.reference(version)}")
            del self._pulling[version]
            return pulling.result()
        pinned = self.pinned(version)
        if self._runtime.image(pinned or self.reference(version)) is not None:
            return pinned or self.bring(version, fence)
        self._pulling[version] = Errand(lambda: self.bring(version, fence), BRINGING)
        return self.ready(version, fence)

    def bring(self, version: str, fence: Fence) -> str:
        """See that the host has the image, and return what to start. Raises NoImage, AdapterError, Unreachable,
        Fenced."""
        reference, pinned = self.reference(version), self.pinned(version)
        wanted = pinned or reference
        found = None if not pinned and self._section.pull == "always" else self._runtime.image(wanted)
        if found is None:
            self._pull(wanted, fence)
            found = self._runtime.image(wanted)
        if found is None:
            raise NoImage(f"{self._runtime.place}{wanted} is not there although it was pulled")
        if problem := self._wrong_machine(found, wanted):
            raise NoImage(f"{self._runtime.place}{problem}")
        return pinned or self._pins.keep(artifact_of(version), reference, self._pin(reference, found))

    def lacks(self, version: str) -> str:
        """What keeps the host from having the image; empty where nothing is known. Changes nothing."""
        try:
            wanted = self.pinned(version) or self.reference(version)
            found = self._runtime.image(wanted)
            if found is not None:
                return self._wrong_machine(found, wanted)
            if self._only_here(wanted):
                return self._not_here(wanted)
            # The registry is asked by podman alone: docker's `manifest inspect` denies images that it would pull.
            return self._asked(wanted) if self._runtime.program == "podman" else ""
        except Unreachable:
            raise
        except AdapterError as error:
            return str(error)

    def _asked(self, wanted: str) -> str:
        done = self._inspect(wanted)
        if done.status == 0 or _SINGLE.encode() in done.err:
            return ""
        # podman 4 inspects without the credentials of the file.
        unsure = self._section.registry_auth is not None and _REFUSED.search(done.said)
        return "" if unsure else self._why_not(wanted, done.said)

    def _inspect(self, name: str) -> Done:
        return self._runtime.call("manifest", "inspect", name, environment=self._login(), within=5.0)

    def _pull(self, wanted: str, fence: Fence) -> None:
        if self._only_here(wanted):
            raise NoImage(f"{self._runtime.place}{self._not_here(wanted)}")
        options = []
        if self._section.registry_auth and self._runtime.program == "docker":
            options = ["--config", str(Path(self._section.registry_auth).parent)]
        done = self._runtime.call(
            "pull", "--quiet", wanted, environment=self._login(), within=_LONGEST_PULL, fence=fence, options=options
        )
        if done.status:
            kind = NoImage if any(sign.search(done.said) for sign in _FOR_GOOD) else AdapterError
            raise kind(f"{self._runtime.place}{self._why_not(wanted, done.said)}")

    def _only_here(self, wanted: str) -> bool:
        """Whether no registry is to be asked: podman calls `localhost/` what was built on the host."""
        return self._section.pull == "never" or wanted.startswith(("sha256:", "localhost/"))

    def _not_here(self, wanted: str) -> str:
        return f"the image {wanted} does not exist here: build or load it, or correct fleet.image and fleet.pull"

    def _login(self) -> Mapping[str, str]:
        """podman's variable, because not all of its commands have an option for it."""
        auth = self._section.registry_auth
        return {"REGISTRY_AUTH_FILE": auth} if auth and self._runtime.program == "podman" else {}

    def _why_not(self, wanted: str, said: str) -> str:
        registry = wanted.partition("/")[0]
        if _NO_ROOM.search(said):
            return f"the disk is too small for {wanted}: remove unused images, or make room ({said})"
        if _REFUSED.search(said):
            login = f"{self._runtime.program} login {registry}"
            return f"the registry refuses {wanted}: run `{login}`, or set fleet.registry_auth ({said})"
        if _MISSING.search(said):
            return f"the registry has no {wanted}: push it, or correct the version ({said})"
        return f"{wanted} cannot be pulled: {said}"

    def _wrong_machine(self, found: JsonObject, wanted: str) -> str:
        """That the image is for other processors than the host's; empty where it is not, or someone chose so."""
        if any(word.startswith("--platform") for word in self._section.arguments):
            return ""
        if not self._machine:
            told = self._runtime.host.run(["uname", "-m"]).out.decode(errors="replace").strip()
            self._machine = _MACHINES.get(told, told)
        built_for = str(found.get("Architecture") or "")
        if not built_for or not self._machine or built_for == self._machine:
            return ""
        return f"{wanted} is built for {built_for}, and the host is {self._machine}: build it for {self._machine}"

    def _pin(self, reference: str, found: JsonObject) -> str:
        """The name by digest under which a registry has it; the image's id where none has."""
        if "@sha256:" in reference:
            return reference
        repository = repository_of(reference)
        digests = found.get("RepoDigests")
        known = [str(one) for one in digests] if isinstance(digests, list) else []
        mine = [one for one in known if f"/{one.partition('@')[0]}".endswith(f"/{repository}")]
        if len(mine) > 1:
            # podman lists digests of its own next to the registry's; and an index is for the processors of every host.
            kinds = {one: self._in_registry(one) for one in mine}
            named = str(found.get("Digest"))  # what the tag led to, as far as podman knows
            mine = sorted(
                (one for one in mine if kinds[one]), key=lambda one: (_BEST.index(kinds[one]), not one.endswith(named))
            )
        return mine[0] if mine else f"sha256:{text_at(found, 'Id').removeprefix('sha256:')}"

    def _in_registry(self, name: str) -> str:
        """What the registry has by this name: an index of images, one image, `unknown` if it does not say, or
        nothing."""
        try:
            done = self._inspect(name)
        except NoRuntime:
            raise
        except AdapterError:
            return "unknown"
        if done.status == 0 and b'"manifests"' in done.out:
            return "index"
        if done.status == 0 or _SINGLE.encode() in done.err:
            return "image"
        return "" if self._runtime.program == "podman" and _MISSING.search(done.said) else "unknown"


def repository_of(reference: str) -> str:
    """A reference without tag and digest."""
    name = reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
