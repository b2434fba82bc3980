"""Whether signed statements prove how artifacts were built: by the configured signer and builder, from the commit.

Formats: in-toto statements (v0.1 and v1) in a DSSE envelope, with SLSA provenance v0.2 or v1 as their predicate;
Sigstore bundles with such an envelope or the signature of a file; and the older bundle of `cosign sign-blob --bundle`.
Sources: slsa.dev/spec/v1.0/provenance, github.com/in-toto/attestation (spec/v1), github.com/secure-systems-lab/dsse,
docs.sigstore.dev/about/bundle. What cannot be verified proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pilotage.adapters import downloads
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.envelopes import Envelope, FileSignature, Signed, signed_in
from pilotage.model.json import Json, JsonObject, WrongJson, find, list_at, object_at, text_at
from pilotage.model.text import line
from pilotage.model.way import Artifact, Evidence, Provenance

_MOST = 32 << 20
_WITHIN = 30.0
_IN_TOTO = "application/vnd.in-toto+json"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_SLSA_1, _SLSA_02 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"


class Unproven(AdapterError):
    """A statement is not there, does not verify, or says something else than it should."""


class Verifier(Protocol):
    """Checks signatures. Raises Unproven, and AdapterError where it cannot check at all."""

    def envelope(self, found: Envelope) -> None: ...

    def file(self, found: FileSignature, digest: str, content: Path | None) -> None: ...


@dataclass(frozen=True, kw_only=True)
class _Statement:
    """A verified one. name: of its file · digests: SHA-256 of its subjects · builder, commits: what provenance says;
    empty of any other predicate · sources: repositories, by commit."""

    name: str
    digests: frozenset[str]
    builder: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    is_provenance: bool = False


def fetched(url: str, folder: Path) -> Path:
    """Statements from an address. Raises AdapterError."""
    place = folder / "statements"
    try:
        downloads.fetch(url, place, most=_MOST, within=_WITHIN)
    except OSError as error:
        raise AdapterError(f"{url} cannot be kept: {error.strerror}") from None
    return place


def proven(
    wanted: Provenance,
    statements: Sequence[tuple[str, Path]],
    about: Sequence[tuple[Artifact, Path | None]],
    commit: str,
    folder: Path,
) -> list[Evidence]:
    """What proves every artifact. statements: name and file of each · about: artifacts with their files, None for
    images · folder: the project's, where keys are. Raises Unproven."""
    if not about:
        raise Unproven("there is no artifact whose provenance could be proven")
    verifier = _verifier(wanted, folder)
    signed = [(name, one) for name, file in statements for one in _read(name, file)]
    found = [_verified(name, one, verifier) for name, one in signed if isinstance(one, Envelope)]
    bare = [(name, one) for name, one in signed if isinstance(one, FileSignature)]
    return [_proof(artifact, file, wanted, found, bare, verifier, commit) for artifact, file in about]


def _verifier(wanted: Provenance, folder: Path) -> Verifier:
    if wanted.key:
        from pilotage.adapters.stages.signatures import KeyVerifier

        return KeyVerifier(folder / wanted.key)
    from pilotage.adapters.stages.keyless import KeylessVerifier

    root = folder / wanted.trusted_root if wanted.trusted_root else None
    return KeylessVerifier(wanted.identity, wanted.issuer, root)


def _read(name: str, file: Path) -> Iterator[Signed]:
    """One document, or one in each line. Raises Unproven."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST + 1)
    except OSError as error:
        raise Unproven(f"{name} cannot be read: {error.strerror}") from None
    if len(content) > _MOST:
        raise Unproven(f"{name} is larger than {_MOST >> 20} MB")
    try:
        documents = _documents(content)
        if not documents:
            raise Unproven(f"{name} is empty")
        for document in documents:
            yield signed_in(document)
    except (ValueError, RecursionError) as error:
        raise Unproven(f"{name} is no signed statement: {line(str(error), 200)}") from None


def _documents(content: bytes) -> list[Json]:
    text = content.decode()
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(row) for row in text.splitlines() if row.strip()]


def _verified(name: str, envelope: Envelope, verifier: Verifier) -> _Statement:
    """Its signature first: what is not signed is not even read."""
    try:
        verifier.envelope(envelope)
    except Unproven as error:
        raise Unproven(f"{name}: {error}") from None
    if envelope.payload_type != _IN_TOTO:
        raise Unproven(f"{name} has the payload {envelope.payload_type[:80]!r}, not {_IN_TOTO}")
    try:
        return _statement(name, object_at(json.loads(envelope.payload)))
    except (ValueError, RecursionError) as error:
        raise Unproven(f"{name} is no in-toto statement: {line(str(error), 200)}") from None


def _statement(name: str, payload: JsonObject) -> _Statement:
    if text_at(payload, "_type") not in _STATEMENTS:
        raise WrongJson(f"its type is {text_at(payload, '_type')[:80]!r}")
    subjects = list_at(payload, "subject")
    digests = frozenset(str(value) for one in subjects if (value := find(one, "digest", "sha256")) is not None)
    kind, predicate = text_at(payload, "predicateType"), find(payload, "predicate")
    if kind == _SLSA_1:
        builder = text_at(predicate, "runDetails", "builder", "id")
        given = find(predicate, "buildDefinition", "resolvedDependencies")
    elif kind == _SLSA_02:
        builder, given = text_at(predicate, "builder", "id"), find(predicate, "materials")
    else:
        return _Statement(name=name, digests=digests)
    sources = tuple(_sources(given if isinstance(given, list) else []))
    return _Statement(name=name, digests=digests, builder=builder, sources=sources, is_provenance=True)


def _sources(given: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Repository and commit of everything that was built from. `sha1` is how v0.2 and older builders of v1 name it."""
    for one in given:
        uri, commit = find(one, "uri"), find(one, "digest", "gitCommit") or find(one, "digest", "sha1")
        if isinstance(uri, str) and isinstance(commit, str):
            yield uri.partition("@")[0], commit


def _proof(
    artifact: Artifact,
    file: Path | None,
    wanted: Provenance,
    statements: Sequence[_Statement],
    bare: Sequence[tuple[str, FileSignature]],
    verifier: Verifier,
    commit: str,
) -> Evidence:
    """The statement or the signature that speaks of this artifact. Raises Unproven with what is wrong."""
    why = []
    for one in statements:
        if artifact.digest not in one.digests:
            continue
        wrong = _wrong(one, wanted, commit)
        if not wrong:
            said = f"built by {one.builder} from {commit[:12]}" if one.is_provenance else "signed statement"
            return Evidence(
                kind="provenance", where=one.name, sentence=f"{artifact.name}: {said}", digest=artifact.digest
            )
        why.append(f"{one.name} {wrong}")
    for name, signature in bare if not wanted.builder else ():
        try:
            verifier.file(signature, artifact.digest, file)
        except Unproven as error:
            why.append(f"{name}: {error}")
            continue
        sentence = f"{artifact.name}: signed by {wanted.key or wanted.identity}"
        return Evidence(kind="signature", where=name, sentence=sentence, digest=artifact.digest)
    reason = "; ".join(why[:3]) or f"no statement is about its digest {artifact.digest[:12]}…"
    raise Unproven(f"the provenance of {artifact.name} is not proven: {reason}")


def _wrong(one: _Statement, wanted: Provenance, commit: str) -> str:
    if not one.is_provenance:
        return "is no SLSA provenance" if wanted.builder else ""
    if wanted.builder and one.builder != wanted.builder:
        return f"names the builder {one.builder[:200]!r} instead of {wanted.builder!r}"
    here = [uri for uri, built in one.sources if built == commit]
    if not here:
        named = ", ".join(sorted({built[:12] for _, built in one.sources})) or "no commit"
        return f"was built from {named} instead of {commit[:12]}"
    if wanted.source and wanted.source not in here:
        return f"was built from {here[0][:200]} instead of {wanted.source}"
    return ""
