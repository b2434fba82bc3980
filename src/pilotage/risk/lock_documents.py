"""Lock files that are JSON or TOML. What has another shape than its tool writes is refused with its path."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping

from pilotage.model.json import Json, WrongJson, find, list_at, object_at, optional, text_at
from pilotage.model.json_text import parse

Pair = tuple[str, str]
"""Name and version of a package; of one from a repository, its commit after REVISION in place of a version."""
REVISION = "commit "


def toml(text: str) -> Iterator[Pair]:
    """uv, poetry, PDM, Cargo: `[[package]]` tables; pylock.toml: `[[packages]]`. Members of the workspace, and what
    lies in a folder beside it, are no dependencies."""
    read = _toml(text)
    for key in ("package", "packages"):
        for number in range(len(optional(list_at, read, key) or ())):
            package = object_at(read, key, number)
            source = package.get("source")
            own = isinstance(source, dict) and (_FOLDERS & source.keys() or source.get("type") == "directory")
            if "version" in package and not own and "directory" not in package:
                version = _version(read, key, number, "version")
                yield text_at(read, key, number, "name"), _commit_of(source) or version


_FOLDERS = {"editable", "virtual", "directory"}


def cargo(text: str) -> Iterator[Pair]:
    """The project's own packages stand beside the others, without a source."""
    read = _toml(text)
    for number, package in enumerate(optional(list_at, read, "package") or ()):
        if not isinstance(package, dict) or "source" in package or "name" not in package:
            yield (
                text_at(read, "package", number, "name"),
                _commit_of(find(read, "package", number, "source")) or _version(read, "package", number, "version"),
            )


def _commit_of(source: Json) -> str:
    """The commit of a package that is built from a repository: poetry's and Cargo's and uv's ways to say it."""
    if isinstance(source, Mapping):
        said = str(source.get("resolved_reference") or str(source.get("git") or "").partition("#")[2])
    else:
        said = str(source).partition("#")[2] if str(source).startswith("git+") else ""
    return f"{REVISION}{said[:12]}" if said else ""


def npm(text: str) -> Iterator[Pair]:
    read = parse(text)
    for path in optional(object_at, read, "packages") or ():
        package = object_at(read, "packages", path)
        if "node_modules/" in path and "version" in package and not package.get("link"):
            name = optional(text_at, read, "packages", path, "name") or path.rpartition("node_modules/")[2]
            version = _version(read, "packages", path, "version")
            yield name, _commit_of(package.get("resolved")) or version
    # The first version of the format is a tree.
    left: list[tuple[str, ...]] = [] if "packages" in object_at(read) else [()]
    while left:
        above = left.pop()
        for name in optional(object_at, read, *above, "dependencies") or ():
            version = _version(read, *above, "dependencies", name, "version")
            if not version.startswith(("file:", "link:")):
                yield name, (_commit_of(f"git+{version}") if "#" in version else "") or version
            left.append((*above, "dependencies", name))


def composer(text: str) -> Iterator[Pair]:
    read = parse(text)
    object_at(read)
    for key in ("packages", "packages-dev"):
        for number in range(len(optional(list_at, read, key) or ())):
            version, commit = _version(read, key, number, "version"), find(read, key, number, "source", "reference")
            is_branch = version.startswith("dev-") and commit
            yield text_at(read, key, number, "name"), f"{REVISION}{str(commit)[:12]}" if is_branch else version


def nuget(text: str) -> Iterator[Pair]:
    read = parse(text)
    object_at(read)
    for framework in optional(object_at, read, "dependencies") or ():
        for name in object_at(read, "dependencies", framework):
            if "resolved" in object_at(read, "dependencies", framework, name):
                yield name, _version(read, "dependencies", framework, name, "resolved")


def pipenv(text: str) -> Iterator[Pair]:
    read = parse(text)
    object_at(read)
    for group in ("default", "develop"):
        for name in optional(object_at, read, group) or ():
            if "version" in object_at(read, group, name):
                yield name, _version(read, group, name, "version").lstrip("=")


def swift(text: str) -> Iterator[Pair]:
    read = parse(text)
    above = ("pins",) if "pins" in object_at(read) else ("object", "pins")
    for number in range(len(optional(list_at, read, *above) or ())):
        pin = object_at(read, *above, number)
        name = "identity" if "identity" in pin else "package"
        state = optional(object_at, read, *above, number, "state") or {}
        given = next((key for key in ("version", "revision") if state.get(key)), "version")
        yield text_at(read, *above, number, name), _version(read, *above, number, "state", given)


_RICH = ("strictly", "require", "prefer")


def catalog(text: str) -> Iterator[Pair]:
    """Gradle's libs.versions.toml: each library and plugin with its version, and the named versions that none of them
    refers to. A version has no name of its own beside them: renaming it, or moving it to its library, upgrades nothing.
    """
    read = _toml(text)
    named = {
        name: number
        for name in optional(object_at, read, "versions") or {}
        if (number := _rich(read, "versions", name))
    }
    referred: set[str] = set()
    for table in ("libraries", "plugins"):
        for key, library in (optional(object_at, read, table) or {}).items():
            if isinstance(library, str):
                name, _, number = library.rpartition(":")
                yield name, number
                continue
            own = optional(text_at, library, "module") or optional(text_at, library, "id")
            name = own or f"{find(library, 'group')}:{find(library, 'name')}"
            reference = find(object_at(read, table, key), "version", "ref")
            if isinstance(reference, str) and reference in named:
                referred.add(reference)
                yield name, named[reference]
            elif number := _rich(read, table, key, "version"):
                yield name, number
    yield from ((name, version) for name, version in named.items() if name not in referred)


def _rich(document: Json, *path: str) -> str | None:
    """A version, or the one that a rich version names first; None where there is none, or only bounds."""
    found = find(document, *path)
    if found is None or (isinstance(found, dict) and not any(map(found.get, _RICH))):
        return None
    return _version(document, *path, *[key for key in _RICH if find(found, key)][:1])


def _toml(text: str) -> Json:
    """Raises ValueError with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(
            str(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}, its end")
        ) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _version(document: Json, *path: str | int) -> str:
    """Some tools write numbers."""
    found = find(document, *path)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    if isinstance(found, dict | list):
        raise WrongJson(f"{'.'.join(map(str, path))} is {str(found)[:60]}, not a version")
    return text_at(document, *path)
