#!/usr/bin/env python3
"""One command to set up and run Pilotage from a checkout; needs only Python ≥ 3.11 and git.

    python3 dev.py demo [options]    set up, then `pilotage demo`
    python3 dev.py test [options]    set up, then every check that CI runs (options go to pytest)
    python3 dev.py run  ...          set up, then `pilotage ...`
    python3 dev.py fuzz [options]    set up, then feed every reader with broken files (`--help`)

Everything lands in `.venv/` beside this file, from the locked versions in `uv.lock`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        print(f"Pilotage needs Python 3.11 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    match arguments:
        case ["demo" | "run" as verb, *rest]:
            _set_up()
            return _call("pilotage", *(["demo", *rest] if verb == "demo" else rest))
        case ["test", *rest]:
            # The network and the disk are waited for at the same time.
            installing = threading.Thread(target=_programs)
            installing.start()
            _set_up("--all-groups")
            return _test(rest, installing)
        case ["fuzz", *rest]:
            _set_up("--all-groups")
            return _call("python", "-m", "tests.fuzz", *rest)
        case _:
            print(__doc__)
            return 2


_WORKERS = str(min(8, 2 * (os.cpu_count() or 1)))
"""Test processes: two a core, because most of the tests' time is waiting for real servers and processes."""


def _test(rest: list[str], installing: threading.Thread) -> int:
    """Every check and every test; the first failure ends it. The test runner speaks last."""
    # The type checker takes longest, and one core: everything else is done on the next one meanwhile. It is done when
    # the first tests are, and has what they leave of the processor.
    typing = _beside("mypy", stdout=subprocess.PIPE)
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, typing.pid, 10)
    # It compiles the tests; else each test process would compile them all.
    compiling = _beside("pytest", "--collect-only", "-qq", *rest, stdout=subprocess.DEVNULL)
    installing.join()
    # What a test server needs from npm is fetched meanwhile.
    fetching = _beside("python", "-m", "tests.unleash")
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["lint-imports", "--no-cache"],
        ["zensical", "build", "--strict"],
    ]
    for check in checks:
        print(f"\n$ {' '.join(check)}", flush=True)
        if code := _call(*check):
            for one in (typing, compiling, fetching):
                one.kill()
            return code
    compiling.wait()
    fetching.wait()
    return _test_beside(typing, rest or ["-n", _WORKERS, "--dist", "loadgroup"])


def _test_beside(typing: subprocess.Popen[bytes], options: list[str]) -> int:
    """The tests, which end when a type is wrong."""
    print(f"\n$ pytest {' '.join(options)}", flush=True)
    tests = _beside("pytest", *options)
    try:
        said, _ = typing.communicate()
        print(f"\n$ mypy\n{said.decode()}", end="", flush=True)
        if typing.returncode:
            tests.send_signal(signal.SIGINT)
        code = tests.wait()
        if typing.returncode:
            # Again, below what the tests said.
            print(f"\n$ mypy\n{said.decode()}", end="", flush=True)
        return typing.returncode or code
    except KeyboardInterrupt:
        typing.kill()
        tests.wait()
        return 130


def _set_up(*groups: str) -> None:
    """Bring `.venv` to what uv.lock says: what Pilotage needs to run, and what `groups` name. Skipped when nothing
    changed since the last time."""
    wanted = hashlib.sha256(
        b"".join((ROOT / name).read_bytes() for name in ("uv.lock", "pyproject.toml")) + "".join(groups).encode()
    ).hexdigest()
    mark = VENV / "pilotage-set-up"
    if mark.exists() and mark.read_text() in (wanted, wanted + "+"):
        return
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        try:
            venv.create(VENV, with_pip=True)
        except (subprocess.CalledProcessError, SystemExit):
            sys.exit("this Python has no venv module: install it first (Debian: apt-get install python3-venv)")
    python = str(next(BIN.glob("python*")))
    quiet = [] if os.environ.get("CI") else ["-q"]
    _must([python, "-m", "pip", "install", *quiet, "--disable-pip-version-check", "uv>=0.5"])
    # Compiled once, here: where Python may not write bytecode, every command would compile what it imports.
    sync = [python, "-m", "uv", "sync", *quiet, "--frozen", "--inexact"]
    _must([*sync, "--no-default-groups", "--compile-bytecode"])
    if groups:
        # Of these a run imports a fifth, and compiles that itself.
        _must([*sync, *groups])
    _must([python, "-m", "compileall", "-q", "src"])
    mark.write_text(wanted)


PROGRAMS = {
    "promtool": "prometheus", "chromium": "chromium", "calcurse": "calcurse", "hyperfine": "hyperfine", "npm": "npm",
    "haproxy": "haproxy", "dovecot": "dovecot-imapd", "prometheus-alertmanager": "prometheus-alertmanager",
    "/usr/sbin/sshd": "openssh-server", "ssh": "openssh-client", "busybox": "busybox", "fish": "fish",
    "systemd-analyze": "systemd",
    "tcsh": "tcsh", "zsh": "zsh", "podman": "podman", "docker": "docker.io", "buildah": "buildah", "runc": "runc",
    "gcc": "gcc", "docker-registry": "docker-registry", "javac": "default-jdk-headless", "minisign": "minisign",
    "/usr/share/java/org.jacoco.core.jar": "libjacoco-java",
    "nginx": "nginx", "/usr/lib/nginx/modules/ngx_http_lua_module.so": "libnginx-mod-http-lua", "curl": "curl",
    "socat": "socat", "iptables": "iptables", "redis-server": "redis-server", "mariadbd": "mariadb-server",
    "mariadb-dump": "mariadb-client", "pgbackrest": "pgbackrest",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
}  # fmt: skip
"""Programs and files that some tests use for real, and the Debian packages that hold them."""


def _programs() -> None:
    """Install what is missing, where that can be done without asking: as root on Debian. Elsewhere tests skip."""
    found = _environment()["PATH"]
    missing = [
        package
        for name, package in PROGRAMS.items()
        if not (shutil.which(name, path=found) or Path("/", name).exists())
    ]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**_environment(), "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *command], stdout=subprocess.DEVNULL, env=quiet, check=False)


def _must(command: list[str]) -> None:
    if code := subprocess.run(command, cwd=ROOT, env=_environment(), check=False).returncode:
        sys.exit(f"set-up failed (exit {code}): {' '.join(command)}")


def _call(program: str, *arguments: str) -> int:
    try:
        return subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=_environment(), check=False).returncode
    except KeyboardInterrupt:
        return 130


def _beside(program: str, *arguments: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """Start a program, and go on."""
    return subprocess.Popen([BIN / program, *arguments], cwd=ROOT, env=_environment(), stdout=stdout)


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # Servers are there, where a user's PATH may not lead.
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return {**inherited, "VIRTUAL_ENV": str(VENV), "PATH": path}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
