"""Whether the kernel of this machine can execute a file: its interpreter, its architecture, its loader.

Reads at most a few kilobytes. What it does not know is executable: only what must fail is refused. Numbers are those of
the ELF specification (`elf(5)`).
"""

from __future__ import annotations

import platform
import shutil
import struct
import sys
from pathlib import Path

_ENV = ("/usr/bin/env", "/bin/env")
_MOST = 4096
_SHEBANG = 256
_MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64", 22: "s390x"}
_RUNS = {
    "x86_64": ("x86_64", "x86"), "aarch64": ("aarch64", "arm"), "i686": ("x86",), "armv7l": ("arm",),
    "riscv64": ("riscv64",), "ppc64le": ("ppc64",), "s390x": ("s390x",),
}  # fmt: skip
"""By `uname -m`, the architectures whose programs such a kernel runs."""
_INTERP = 3
"""`PT_INTERP`, the type of the program header that names the loader."""
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def why_not_executable(file: Path, path: str | None = None) -> str:
    """What is wrong, to be put behind the file's name, such as `needs /bin/zsh, which does not exist`; empty where
    nothing speaks against it. path: the PATH by which `env` finds an interpreter."""
    try:
        with file.open("rb") as opened:
            head = opened.read(_MOST)
    except OSError:
        return ""
    if head.startswith(b"#!"):
        missing = _interpreter(head[:_SHEBANG], path)
        return f"needs {missing}, which does not exist" if missing else ""
    if sys.platform != "linux" or _runs_others():
        return ""
    if head.startswith(b"\x7fELF"):
        return _elf(head)
    return "is empty" if not head else "is no program for this machine: it is no ELF file and has no #! line"


def _interpreter(first: bytes, path: str | None) -> str:
    """The interpreter that a script's first line names and that is not there; empty where it is, or none is named."""
    words = first.partition(b"\n")[0].removeprefix(b"#!").decode(errors="replace").split()
    if not words:
        return ""
    if words[0] in _ENV and len(words) == 2:
        return "" if shutil.which(words[1], path=path) else words[1]
    return "" if Path(words[0]).exists() else words[0]


def _elf(head: bytes) -> str:
    try:
        machine = _MACHINES.get(struct.unpack_from(_order(head) + "H", head, 18)[0])
    except struct.error:
        return "is a truncated ELF file"
    here = platform.machine()
    if machine is not None and machine not in _RUNS.get(here, (machine,)):
        return f"is built for {machine}, and this machine is {here}"
    loader = _loader(head)
    return f"needs {loader}, which does not exist: it is built for another C library" if loader else ""


def _order(head: bytes) -> str:
    return ">" if head[5:6] == b"\x02" else "<"


def _loader(head: bytes) -> str:
    """The loader that the file names and that is not there. It lies in the first page of what linkers write; where it
    does not, nothing is known."""
    order, wide = _order(head), head[4:5] == b"\x02"
    try:
        at = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)[0]
        size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
        for number in range(min(count, 64)):
            place = at + number * size
            if struct.unpack_from(order + "I", head, place)[0] != _INTERP:
                continue
            offset = struct.unpack_from(order + ("Q" if wide else "I"), head, place + (8 if wide else 4))[0]
            name = head[offset : offset + 256].partition(b"\0")[0].decode()
            return "" if not name.startswith("/") or Path(name).exists() else name
    except (struct.error, UnicodeDecodeError):
        pass
    return ""


def _runs_others() -> bool:
    """Whether something executes files of other kinds here, such as QEMU or Java."""
    try:
        return any(entry.name not in ("register", "status") for entry in _BINFMT.iterdir())
    except OSError:
        return False
