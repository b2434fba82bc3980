"""What people have set up for `ssh` holds for Pilotage as well (R27): configuration, jump hosts, agents, certificates,
known_hosts in all its forms, and whichever /bin/sh the host has."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import far_side
from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.hosts.ssh import SshHost
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.config.hosts import HostSection
from tests.programs import needs
from tests.ssh import Sshds, make_key, sshd, until

__all__ = ["sshd"]


def _by_alias(sshd: Sshds, alias: str, **more: object) -> SshHost:
    """A host of which pilotage.yaml has only the name."""
    given = {"config_file": str(sshd.config_file), "folder": str(sshd.all[-1].folder), **more}
    return SshHost(alias, HostSection.model_validate(given), sshd.place)


def _configure(sshd: Sshds, text: str) -> None:
    sshd.config_file.write_text(f"{text}\n{sshd.config_file.read_text()}")


def test_aliases_includes_and_match_are_followed(sshd: Sshds) -> None:
    server = sshd.start()
    (sshd.place / "more").write_text(f"Host shop-web\n  HostName {server.address}\n")
    match = f'Match originalhost shop-* exec "test -f {sshd.key}"'
    _configure(sshd, f"Include {sshd.place}/more\n{match}\n  Port {server.port}\nHost *")
    host = _by_alias(sshd, "shop-web")
    assert host.run(["echo", "there"]).out == b"there\n"
    assert host.address == server.address
    assert _by_alias(sshd, "shop-web", reach="lb.example.org").address == "lb.example.org"


@pytest.mark.parametrize("where", ["pilotage.yaml", "ssh_config", "ProxyCommand"])
def test_a_host_is_reached_through_another(sshd: Sshds, where: str) -> None:
    bastion, server = sshd.start("bastion"), sshd.start("inside")
    _configure(sshd, f"Host bastion\n  HostName {bastion.address}\n  Port {bastion.port}\nHost *")
    more: dict[str, object] = {"jump": "bastion"} if where == "pilotage.yaml" else {}
    if where == "ssh_config":
        _configure(sshd, f"Host {server.address}\n  ProxyJump bastion\nHost *")
    if where == "ProxyCommand":
        _configure(sshd, f"Host {server.address}\n  ProxyCommand ssh -F {sshd.config_file} -W %h:%p bastion\nHost *")
    assert server.host(**more).run(["echo", "inside"]).out == b"inside\n"
    assert bastion.logins() == 1


def test_an_unknown_key_of_a_jump_host_is_refused_whatever_ssh_config_says(sshd: Sshds) -> None:
    bastion, server = sshd.start("bastion", known=False), sshd.start("inside")
    _configure(
        sshd,
        f"Host bastion\n  HostName {bastion.address}\n  Port {bastion.port}\n  StrictHostKeyChecking no\nHost *",
    )
    with pytest.raises(Unreachable, match=r"on the way there: the host key of .* is not in known_hosts"):
        server.host(jump="bastion").run(["true"])
    assert bastion.address not in sshd.known_hosts.read_text()


def test_the_language_of_this_machine_does_not_travel(sshd: Sshds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    _configure(sshd, "Host *\n  SendEnv LANG LC_*\nHost *")
    host = sshd.start(extra=("AcceptEnv LANG LC_*",)).host()
    assert host.run(["/bin/sh", "-c", "echo $LC_ALL$LANG"]).out == b"\n"


@pytest.fixture
def agent(sshd: Sshds, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The key is in an agent alone."""
    socket = sshd.place / "agent"
    process = subprocess.Popen([needs("ssh-agent"), "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        for _ in range(200):
            if subprocess.run(["ssh-add", "-q", sshd.key], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                break
        sshd.key.unlink()
        yield socket
    finally:
        process.kill()
        process.wait()


def test_a_key_of_an_agent_is_used_and_the_agent_is_not_handed_on(sshd: Sshds, agent: Path) -> None:
    assert agent.exists()
    server = sshd.start(extra=("AllowAgentForwarding yes",))
    _configure(sshd, "Host *\n  ForwardAgent yes\nHost *")
    assert server.host().run(["/bin/sh", "-c", "echo agent: $SSH_AUTH_SOCK"]).out == b"agent:\n"


def test_certificates_of_users_and_of_hosts_are_honoured(sshd: Sshds) -> None:
    """A known_hosts with one line for all hosts of an authority; and an authorized_keys without a key of ours."""
    authority, name = sshd.place / "authority", os.environ.get("USER") or subprocess.getoutput("id -un")
    make_key(authority)
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-V", "+1h"]
    subprocess.run([*sign, "-n", name, f"{sshd.key}.pub"], check=True)
    server = sshd.start(known=False, extra=(f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none"))
    subprocess.run([*sign, "-h", "-n", server.address, f"{server.host_key}.pub"], check=True)
    server.stop()
    server.extra += (f"HostCertificate {server.host_key}-cert.pub",)
    server.start()
    public = Path(f"{authority}.pub").read_text()
    sshd.known_hosts.write_text(f"@cert-authority [127.0.0.*]:{server.port} {public}")
    assert server.host().run(["echo", "signed"]).out == b"signed\n"


def test_hashed_names_in_known_hosts_are_found(sshd: Sshds) -> None:
    server = sshd.start()
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", sshd.known_hosts], check=True, stderr=subprocess.DEVNULL)
    assert server.address not in sshd.known_hosts.read_text()
    assert server.host().run(["echo", "known"]).out == b"known\n"


@pytest.mark.parametrize("shell", ["dash", "bash", "bash --posix", "zsh --emulate sh", "busybox sh"])
def test_any_posix_shell_does(sshd: Sshds, shell: str, tmp_path: Path) -> None:
    needs(shell.split()[0])
    server = sshd.start(extra=(f"ForceCommand exec {shell}",))
    host = server.host()
    words = ["a b", "'\"`$x`\\", "two\nlines\n", "", "*", "\udcff\udc81\udc88", "ü"]
    shown = host.run(["printf", "%s\\0", *words], environment={"NAME": "it's\n\udc81"}).out
    assert shown.decode("utf-8", "surrogateescape").split("\0")[:-1] == words
    assert host.run(["cat"], input=b"\0\r\n\xff" * 30_000).out == b"\0\r\n\xff" * 30_000
    ends = host.run(["/bin/sh", "-c", "kill -9 $$"])
    assert (ends.status, ends.err) == (137, b"")
    assert host.run(["no-such-program"]).status == 127
    old, new = (Fence(tmp_path / "shop" / "production" / "fence.json", token, f"{token}") for token in (4, 5))
    host.write(f"{host.folder}/file", b"content", fence=new)
    with pytest.raises(Fenced):
        host.write(f"{host.folder}/file", b"late", fence=old)
    assert host.read(f"{host.folder}/file") == b"content"
    with pytest.raises(AdapterError, match="did not end within 1 s"):
        host.follow(["sleep", "4719"], out=bytes, err=bytes, within=1)
    until(lambda: "sleep" not in server.names())


def test_a_command_whose_time_is_over_is_told_of_however_busy_the_host_is(
    sshd: Sshds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What killed it gets no time to end before it is asked to."""
    kill = "kill -9 -$p || kill -9 $p\n  ) </dev/null"
    assert far_side._LOOP.count(kill) == 1
    busy = far_side._LOOP.replace(kill, "{ kill -9 -$p || kill -9 $p; } && { sleep 0.3 & wait; }\n  ) </dev/null")
    monkeypatch.setattr(far_side, "_LOOP", busy)
    with pytest.raises(AdapterError, match="did not end within 1 s"):
        sshd.start().host().run(["sleep", "4721"], within=1)


@pytest.mark.parametrize("setting", ["config_file", "identity_file"])
def test_a_file_that_does_not_exist_is_named_with_its_setting(sshd: Sshds, setting: str) -> None:
    """`ssh` passes over both without a word, and then knows no host key, or has no key to offer."""
    server = sshd.start()
    with pytest.raises(Unreachable, match=rf"{setting} names {server.place}/gone, which does not exist"):
        server.host(**{setting: "gone"}).run(["true"])
    assert server.logins() == 0
