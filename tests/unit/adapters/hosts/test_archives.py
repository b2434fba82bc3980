"""What an artifact comes as becomes one plain archive (R27), and what nobody should unpack is refused by name."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.hosts.archives import BadArchive, repack


def tar_of(path: Path, *members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for one in members:
            if isinstance(one, tarfile.TarInfo):
                archive.addfile(one, io.BytesIO(b"\0" * one.size))
            else:
                info = tarfile.TarInfo(one[0])
                info.size, info.mode = len(one[1]), 0o4755
                archive.addfile(info, io.BytesIO(one[1]))
    return path


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "w:bz2"])
def test_every_usual_tar_becomes_the_same_archive(tmp_path: Path, kind: str) -> None:
    source = tar_of(tmp_path / "a", ("shop/bin/app", b"x"), ("shop/readme", b"y"), mode=kind)
    repack(source, tmp_path / "out", name="shop.tar", strip=1)
    repack(source, tmp_path / "again", name="shop.tar", strip=1)
    assert names(tmp_path / "out") == ["bin/app", "readme"]
    assert (tmp_path / "out").read_bytes() == (tmp_path / "again").read_bytes()


def test_a_zip_keeps_its_programs_executable_and_a_plain_file_is_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        program = zipfile.ZipInfo("bin/app")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "#!/bin/sh\n")
    repack(tmp_path / "a.zip", tmp_path / "out", name="a.zip")
    (tmp_path / "app").write_bytes(b"\x7fELF")
    repack(tmp_path / "app", tmp_path / "plain", name="app")
    for path, name in ((tmp_path / "out", "bin/app"), (tmp_path / "plain", "app")):
        with tarfile.open(path) as archive:
            assert archive.getmember(name).mode == 0o755


def test_no_member_keeps_its_owner_or_the_right_to_change_the_user(tmp_path: Path) -> None:
    repack(tar_of(tmp_path / "a", ("app", b"x")), tmp_path / "out", name="a.tar.gz")
    with tarfile.open(tmp_path / "out") as archive:
        (found,) = archive.getmembers()
        assert (found.mode, found.uid) == (0o755, 0)


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "leads out": lambda path: tar_of(path, ("../../etc/cron.d/x", b"")),
    "leads out of its folder": lambda path: tar_of(path, ("/etc/passwd", b"")),
    "a link that leads out of it": lambda path: tar_of(path, info("x", tarfile.SYMTYPE, "../../etc")),
    "out of it, to '/etc'": lambda path: tar_of(path, info("x", tarfile.SYMTYPE, "/etc")),
    "not before it": lambda path: tar_of(path, info("x", tarfile.LNKTYPE, "passwd")),
    "through a link": lambda path: tar_of(path, info("x", tarfile.SYMTYPE, "."), info("x/y", tarfile.SYMTYPE, "..")),
    "written through a link": lambda path: tar_of(path, info("x", tarfile.SYMTYPE, "y"), ("x", b"")),
    "is a device": lambda path: tar_of(path, info("null", tarfile.CHRTYPE)),
    "is a pipe": lambda path: tar_of(path, info("pipe", tarfile.FIFOTYPE)),
    "more than 1 MB": lambda path: tar_of(path, info("zeros", size=2 << 20)),
}


@pytest.mark.parametrize("said", HOSTILE)
def test_a_hostile_archive_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(BadArchive, match=said):
        repack(HOSTILE[said](tmp_path / "a"), tmp_path / "out", name="a.tar.gz", most=1 << 20)


@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_damaged_archive_is_told_as_such(tmp_path: Path, part: float) -> None:
    source = tar_of(tmp_path / "a", ("app", os.urandom(50_000)))
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(BadArchive, match="damaged"):
        repack(source, tmp_path / "out", name="a.tar.gz")
