"""The variables of a container: no value is in an argument list or in a file of ours.

`podman inspect` and `docker inspect` show them all the same to whoever may use the runtime, and who may do that may
also run programs in the container.
"""

from __future__ import annotations

from collections.abc import Mapping


def env_file_of(given: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Variables as the lines of an env file, and those that no line can hold: the runtime takes them from its own
    environment by their name."""
    apart = {name: value for name, value in given.items() if "\n" in value or "\r" in value}
    return "".join(f"{name}={value}\n" for name, value in given.items() if name not in apart).encode(), apart
