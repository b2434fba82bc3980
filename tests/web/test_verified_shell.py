"""R34: with `identity: verified`, a variable alone signs nothing in a shell; an SSH key proves who somebody is."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.ssh_signatures import public_key, sign, verifies
from pilotage.app.audit_log import page
from pilotage.app.shell_actor import login
from pilotage.model.audit import Filter
from tests.typed import typed
from tests.web.site import CONFIG, Served, served

FREEZE = ("-s", "shop", "freeze", "-e", "production", "--for", "2h", "--reason", "quarter's end", "quarter")


def key_in(folder: Path, name: str, kind: str = "ed25519") -> str:
    """A new key in ~/.ssh of this home; its public half."""
    (folder / ".ssh").mkdir(mode=0o700, exist_ok=True)
    file = folder / ".ssh" / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a comment", "-f", str(file)], check=True)
    return file.with_suffix(".pub").read_text()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "shop"
    folder.mkdir()
    with served(folder, f"identity: verified\n{CONFIG}") as found:
        found.store.persons.add("bob", time.time())
        yield found


def run(server: Served, *arguments: str, actor: str = "", status: int = 0) -> str:
    done = typed(*arguments, cwd=server.site.project.folder, actor=actor)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def proofs(server: Served) -> list[tuple[str, str]]:
    found = page(server.site.project, server.site.project.actor, Filter(action="freeze"), 10)
    return [(row.actor, row.proof) for row in found]


@pytest.mark.usefixtures("home")
def test_r34_a_variable_alone_signs_nothing(server: Served) -> None:
    said = run(server, *FREEZE, actor="bob", status=8)
    assert f"PILOTAGE_ACTOR says bob, but you are logged in as {login()}" in said
    assert "bob has no account with an SSH key" in said
    assert run(server, "-s", "shop", "status", "-e", "production", actor="bob"), "reading needs no proof"
    run(server, *FREEZE)


def test_r34_the_login_is_what_the_kernel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = login()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "bob")
    assert login() == before


def test_r34_an_ssh_key_proves_who_somebody_is(server: Served, home: Path) -> None:
    file = home / "keys"
    file.write_text("# bob's\n" + key_in(home, "id_ed25519"))
    assert "bob has 1 SSH key" in run(server, "user", "keys", "bob", str(file))
    run(server, *FREEZE, actor="bob")
    assert ("bob", "SSH key") in proofs(server)
    (home / ".ssh" / "id_ed25519").unlink()
    said = run(server, "-s", "shop", "freeze", "-e", "production", "--lift", "quarter", actor="bob", status=8)
    assert "neither your agent nor ~/.ssh holds an SSH key of bob" in said


def test_r34_somebody_elses_key_proves_nothing(server: Served, home: Path) -> None:
    key_in(home, "mine")
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    server.store.accounts.set_ssh_keys(server.store.persons.called("bob").id, [public_key(key_in(elsewhere, "his"))])
    assert "holds an SSH key of bob" in run(server, *FREEZE, actor="bob", status=8)


def test_r34_an_agent_signs_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = public_key(key_in(home, "id_ed25519"))
    assert key is not None
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(home / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))
        while subprocess.run(["ssh-add", "-q", str(home / ".ssh" / "id_ed25519")], capture_output=True).returncode:
            assert agent.poll() is None
            time.sleep(0.02)
        (home / ".ssh" / "id_ed25519").unlink()
        signature = sign(key, b"challenge")
        assert signature is not None
        assert verifies(key, b"challenge", signature)
        assert not verifies(key, b"another challenge", signature)
    finally:
        agent.terminate()
        agent.wait(10)


def test_r34_a_signature_for_something_else_is_none_here(home: Path) -> None:
    key = public_key(key_in(home, "id_ed25519"))
    assert key is not None
    message = home / "message"
    message.write_bytes(b"challenge")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(home / ".ssh/id_ed25519"), str(message)], check=True
    )
    assert not verifies(key, b"challenge", message.with_name("message.sig").read_bytes())


@pytest.mark.parametrize(
    "line",
    ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3MAAACB", "* ssh-ed25519 AAAAC3Nz", "x" * 9000],
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    assert public_key(line) is None


def test_keys_of_every_kind_are_read(tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa", "rsa"):
        assert public_key(key_in(tmp_path, kind, kind)) is not None


def test_r34_where_identities_are_stated_the_variable_still_names_the_actor(tmp_path: Path) -> None:
    with served(tmp_path, CONFIG) as server:
        run(server, *FREEZE, actor="bob")
        assert ("bob", "environment variable") in proofs(server)
    assert os.environ.get("PILOTAGE_ACTOR") is None
