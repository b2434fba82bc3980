"""podman with a storage of its own, an image of a small server, and a registry: all real, and gone with the tests."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pilotage.adapters.free_port import free_port
from pilotage.testing.harness import wait_until
from tests.programs import needs

SERVER = r"""
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static void end(int number) { _exit(0 * number); }
int main(void) {
  const char *port = getenv("PORT") ? getenv("PORT") : "8080", *version = getenv("VERSION") ? getenv("VERSION") : "?";
  signal(SIGTERM, strstr(version, "stubborn") ? SIG_IGN : end);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (strstr(version, "chatty")) { printf("first\nsecond\n\n\x1b[31mred\x1b[0m\n"); fflush(stdout); }
  if (getenv("SAY")) { printf("cannot open db://shop:%s@h\n", getenv("SAY")); fflush(stdout); }
  if (strstr(version, "broken")) { fprintf(stderr, "fatal: no price list\n"); return 3; }
  if (strstr(version, "greedy")) for (;;) { char *more = malloc(1 << 20); memset(more, 1, 1 << 20); }
  int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listening, (void *)&at, sizeof at) || listen(listening, 128)) { perror("bind"); return 1; }
  for (;;) {
    int asked = accept(listening, 0, 0);
    if (asked < 0) continue;
    if (fork() == 0) {
      char buffer[8192];
      (void)!read(asked, buffer, sizeof buffer);
      const char *body = strstr(buffer, " /env ") && getenv("KEY") ? getenv("KEY") : version;
      int length = snprintf(buffer, sizeof buffer,
        "HTTP/1.1 %d OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strstr(version, "flaky") && !strstr(buffer, " /healthz ") ? 500 : 200, strlen(body), body);
      (void)!write(asked, buffer, length);
      _exit(0);
    }
    close(asked);
  }
}
"""
"""Answers with its version, and misbehaves as the version's name says."""

LIMITS = {"open_files": 1024, "processes": 1000}
"""What a container may have at most where the machine itself is limited."""


_BCRYPT_OF_PASS = "$2b$04$PDbHV92ZfBn2eC1gbrGm3eRR/wrfl3anA2m9KSjCTVTSRpmQ9xAee"


class Podman:
    """One storage. folder: short, because podman puts sockets below it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._storage = ["--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        self.settings = folder / "registries.conf"
        self.settings.write_text("")
        self.args = [
            *self._storage, "--runtime", "runc", "--cgroup-manager", "cgroupfs",
            "--registries-conf", str(self.settings),
        ]  # fmt: skip
        (folder / "server.c").write_text(SERVER)
        self.server = folder / "server"
        subprocess.run(["gcc", "-static", "-O1", "-o", self.server, folder / "server.c"], check=True)

    def __call__(self, *words: str) -> str:
        return subprocess.run(
            ["podman", *self.args, *words], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
        ).stdout.strip()

    def build(self, *names: str, file: Path | None = None, arch: str = "", says: str = "", env: str = "") -> None:
        """An image from scratch with the server, under all these names. says: makes another image of it · env: a
        variable that it sets."""
        made = self._buildah("from", "scratch")
        self._buildah("copy", "--quiet", made, str(file or self.server), "/server")
        options = [
            *(["--arch", arch] if arch else []),
            *(["--label", f"says={says}"] if says else []),
            *(["--env", env] if env else []),
        ]
        self._buildah("config", "--entrypoint", '["/server"]', *options, made)
        image = self._buildah("commit", "--quiet", made, names[0])
        self._buildah("rm", made)
        for name in names[1:]:
            self("tag", image, name)

    def _buildah(self, *words: str) -> str:
        command = ["buildah", *self._storage, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def trust(self, registry: str) -> None:
        """Speak plain HTTP with a registry."""
        with self.settings.open("a") as file:
            file.write(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')

    def names(self) -> list[str]:
        return self("ps", "--all", "--format", "{{.Names}}").split()


@contextlib.contextmanager
def a_podman() -> Iterator[Podman]:
    for program in ("podman", "buildah", "runc", "gcc"):
        needs(program)
    folder = Path(tempfile.mkdtemp(prefix="pc-", dir="/tmp"))
    podman = Podman(folder)
    try:
        yield podman
    finally:
        subprocess.run(
            ["podman", *podman.args, "rm", "--all", "--force", "--time", "0"], capture_output=True, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def a_registry(folder: Path, *, login: bool = False) -> Iterator[str]:
    """A registry that keeps images below `folder`; where it listens. login: only `ann` with `pass` may use it."""
    program, port = needs("docker-registry"), free_port()
    settings = folder / "registry.yml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}, delete: {{enabled: true}}}}\n"
    )
    if login:
        (folder / "htpasswd").write_text(f"ann:{_BCRYPT_OF_PASS}\n")
        with settings.open("a") as file:
            file.write(f"auth: {{htpasswd: {{realm: shop, path: {folder}/htpasswd}}}}\n")
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", settings], stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(port), what=(folder / "registry.log").read_text())
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
