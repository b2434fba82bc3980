"""Which tags are versions of what a release is made of: of everything, or of one package of a monorepo."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.report.versions import BadVersion, Scheme, Tag, tag_of

_OF_EVERYTHING = ("release", "releases", "rel", "version", "versions", "ver", "tags")
"""Words before a number that name no package."""


def versions_of(names: Sequence[str], scheme: Scheme) -> tuple[Tag, ...]:
    """The tags that are versions of the scheme, oldest version first, a pre-release before its release."""
    found = [tag for name in names if (tag := tag_of(name, scheme))]
    return tuple(sorted(found, key=lambda tag: (tag.order, tag.name)))


def version_named(name: str) -> Tag | None:
    """The version of whatever scheme that a tag names."""
    return tag_of(name, Scheme.SEMVER) or tag_of(name, Scheme.PEP440)


def of_one_package(
    tags: Sequence[Tag],
    paths: Sequence[str],
    prefix: str | None = None,
    here: Sequence[str] = (),
    called: Sequence[str] = (),
) -> tuple[Tag, ...]:
    """The tags of what is released: those with the prefix, else those whose prefix is the name of the package at the
    path or names the path, else those of everything. called: names that the path's manifest gives · here: tags of the
    commit itself; where one package has one, it is that package's release. Raises BadVersion where several packages
    come into question."""
    if prefix is not None:
        return tuple(tag for tag in tags if tag.prefix == prefix)
    if found := _of_names(tags, called) or _of_paths(tags, paths):
        return found
    if found := tuple(tag for tag in tags if not tag.package):
        return found
    packages = {tag.package for tag in tags}
    if len(packages) > 1:
        packages = (
            packages.intersection(_OF_EVERYTHING) or {tag.package for tag in tags if tag.name in here} or packages
        )
    if len(packages) > 1:
        newest = list({tag.package: tag for tag in tags}.values())
        shown = ", ".join(tag.name for tag in newest[-5:])
        raise BadVersion(
            f"the tags are of several packages ({shown}): choose one with --path or --tag-prefix {newest[-1].prefix}"
        )
    return tuple(tag for tag in tags if tag.package in packages)


def _of_names(tags: Sequence[Tag], names: Sequence[str]) -> tuple[Tag, ...]:
    """`@acme/api` is tagged as `@acme/api@1.0.0` or as `api-v1.0.0`."""
    short = {name.rpartition("/")[2] for name in names}
    whole = tuple(tag for tag in tags if tag.package in names)
    return whole or tuple(tag for tag in tags if tag.package in short)


def _of_paths(tags: Sequence[Tag], paths: Sequence[str]) -> tuple[Tag, ...]:
    """The tags of the package that is a path, else of the nearest folder above that is one."""
    split = [path.strip("./").split("/") for path in paths]
    while split := [parts for parts in split if parts]:
        for fits in (_is_path, _ends_path):
            if found := tuple(tag for tag in tags if tag.package and any(fits(tag.package, parts) for parts in split)):
                return found
        split = [parts[:-1] for parts in split]
    return ()


def _is_path(package: str, parts: Sequence[str]) -> bool:
    return package == "/".join(parts)


def _ends_path(package: str, parts: Sequence[str]) -> bool:
    """`api` and `@acme/api` fit `packages/api`, and so does `packages-api`."""
    ends = ["/".join(parts[at:]) for at in range(len(parts))] + ["-".join(parts[at:]) for at in range(len(parts))]
    return package in ends or package.rpartition("/")[2] == parts[-1]
