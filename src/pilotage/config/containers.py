"""How a container is run: its image, what it sees, and what it may use."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.fields import Size
from pilotage.config.launching import FilePath, LimitsSection, StopSignal
from pilotage.config.programs import ProgramSection

_REFERENCE = re.compile(r"[a-zA-Z0-9{\[][A-Za-z0-9._:/@+{}\[\]-]*")
"""A reference to an image with its placeholders; once they are filled in, the runtime reads it exactly."""
_OWNED = ("--name", "--label", "--detach", "-d", "--rm", "--restart", "--env-file", "--pull", "--cidfile", "--replace")
"""Options of `run` by which Pilotage finds and ends its containers."""


def _image(text: str) -> str:
    if not _REFERENCE.fullmatch(text) or len(text) > 500:
        raise ValueError("not an image such as registry.example.org/shop:{version}")
    return text


def _form(form: re.Pattern[str], words: str) -> AfterValidator:
    """The form of a text. words: what it is, with an example."""

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(f"{text!r} is not {words}")
        return text

    return AfterValidator(check)


def _own(text: str) -> str:
    """Nothing of what adoption and removal rely on."""
    if text.partition("=")[0] in _OWNED:
        raise ValueError(f"{text.partition('=')[0]} is set by Pilotage, which finds its containers by it")
    if "\0" in text:
        raise ValueError("it contains a NUL character")
    return text


IpAddress = Annotated[str, _form(re.compile(r"[0-9A-Fa-f.:]{2,45}"), "an IP address such as 10.0.0.5")]
Network = Annotated[str, _form(re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=,/-]*"), "a network such as host")]
Volume = Annotated[str, _form(re.compile(r"[^\0\n:-][^\0\n:]*:[^\0\n]+"), "a volume such as /srv/shop:/data")]
UserOfImage = Annotated[str, _form(re.compile(r"\w[\w.-]*(:\w[\w.-]*)?"), "a user such as 1000 or app:app")]


class ContainerSection(ProgramSection):
    """What podman or docker run for each instance."""

    image: Annotated[str, AfterValidator(_image)] = Field(
        description="Image with `{version}`, such as registry.example.org/shop:{version}. Pilotage resolves it to its "
        "digest once per version, and keeps to that digest when the tag moves. `{artifact}` for the image that the way "
        "of the version built."
    )
    runtime: Literal["podman", "docker"] | None = Field(
        None, description="Container runtime. Default: podman if it is installed, otherwise docker."
    )
    runtime_args: list[str] = Field(
        default_factory=list,
        description="Options of the runtime before its command, such as [--root, /srv/containers] or "
        "[--host, unix:///run/user/1000/docker.sock].",
    )
    pull: Literal["missing", "always", "never"] = Field(
        "missing",
        description="When a version is deployed for the first time: `missing` asks the registry only if the host does "
        "not have the image, `always` asks it in any case, `never` uses only images that the host has.",
    )
    registry_auth: str | None = Field(
        None,
        min_length=1,
        description="File with credentials of registries, as `podman login` or `docker login` write it, on the host. "
        "Default: the runtime's own.",
    )
    command: list[str] = Field(
        default_factory=list,
        description="Arguments after the image, instead of its own. `{version}`, `{port}` and `{host}`, the "
        "address of the machine, are filled in, here and in `env`, `volumes` and `arguments`.",
    )
    container_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port on which the program in the container listens; it is published on a free port of the host. "
        "Without it, the container uses the host's network, and its program must listen on `{port}`.",
    )
    publish_address: IpAddress | None = Field(
        None,
        description="Address of the host on which container_port is published. Default: 127.0.0.1 on this machine, "
        "every address on another host.",
    )
    network: Network | None = Field(
        None,
        description="Network of the runtime. Default: host without container_port, otherwise the runtime's default.",
    )
    env_file: FilePath | list[FilePath] = Field(
        default_factory=list,
        description="Files with more variables, as NAME=value lines, from this file's folder. `env` takes precedence. "
        "They are read when an instance starts, and their values are hidden in logs that Pilotage shows.",
    )
    volumes: list[Volume] = Field(
        default_factory=list, description="Volumes, as the runtime writes them, such as /srv/shop:/data:ro."
    )
    user: UserOfImage | None = Field(None, description="User, such as 1000 or app:app. Default: that of the image.")
    memory: Size | None = Field(None, description="Largest amount of memory, such as 512MiB.")
    cpus: float | None = Field(None, gt=0, strict=False, description="Most processors at once, such as 1.5.")
    limits: LimitsSection | None = Field(None, description="Limits of the program; `memory` is beside it.")
    read_only: bool = Field(False, description="Mount the image read-only.")
    init: bool = Field(False, description="Run a small init process that forwards signals and reaps children.")
    stop_signal: StopSignal | None = Field(
        None, description="Signal that asks the program to stop. Default: that of the image, otherwise TERM."
    )
    arguments: list[Annotated[str, AfterValidator(_own)]] = Field(
        default_factory=list, description="Further options of the runtime's `run`, such as [--cap-drop, all]."
    )

    @property
    def env_files(self) -> list[str]:
        return [self.env_file] if isinstance(self.env_file, str) else self.env_file

    @model_validator(mode="after")
    def _leads_to_a_port(self) -> ContainerSection:
        places = (*self.command, *self.env.values(), *self.arguments)
        if self.container_port is None and not any("{port}" in text for text in places):
            raise ValueError(
                "container_port: name the port on which the program in the container listens, or let it listen on "
                "{port}, with env: {PORT: '{port}'} or in command"
            )
        if self.container_port is None and self.publish_address is not None:
            raise ValueError("publish_address: needs container_port")
        if self.limits is not None and self.limits.memory is not None:
            raise ValueError("limits: a container has memory beside limits, not in it")
        if "{artifact" in self.image and self.image != "{artifact}":
            raise ValueError("image: {artifact} stands alone: it is a whole reference with its digest")
        if "{version}" not in self.image and self.image != "{artifact}":
            raise ValueError("image: add {version}, such as registry.example.org/shop:{version}")
        return self
