"""What goes wrong between here and a host (R27): each fault with a real sshd, and the sentence that says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.hosts.connections import close_all
from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.ports import AdapterError
from tests.programs import needs
from tests.ssh import Sshd, Sshds, make_key, sshd, until

__all__ = ["sshd"]


def _cut_once(server: Sshd, holds: Callable[[], object]) -> threading.Thread:
    """Cut every connection as soon as it holds."""

    def cut() -> None:
        until(holds)
        server.cut()

    cutting = threading.Thread(target=cut)
    cutting.start()
    return cutting


def test_a_connection_cut_while_a_command_runs_is_said_and_the_next_command_has_a_new_one(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    host.run(["true"])
    cutting = _cut_once(server, lambda: "sleep" in server.names())
    with pytest.raises(Unreachable, match=r"the connection to web1 \(127\.0\.0\.2\) was cut while sleep ran"):
        host.run(["sleep", "4713"], within=3)
    cutting.join()
    assert host.run(["echo", "again"]).out == b"again\n"
    until(lambda: server.names().count("sleep") == 0)  # killed there at its deadline, without a connection


def test_an_idle_connection_that_was_cut_is_opened_again_unseen(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    host.run(["true"])
    server.cut()
    assert host.run(["echo", "again"]).out == b"again\n"
    assert server.logins() == 2


def test_an_upload_that_is_cut_leaves_nothing_half_and_the_next_one_succeeds(sshd: Sshds, tmp_path: Path) -> None:
    server = sshd.start()
    host = server.host()
    host.write(f"{host.folder}/app", b"the old one")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    folder = Path(host.folder)
    cutting = _cut_once(server, lambda: any(folder.glob(".app.*.part")))
    with pytest.raises(Unreachable):
        host.send(large, f"{host.folder}/app", within=60)
    cutting.join()
    assert host.read(f"{host.folder}/app") == b"the old one"
    until(lambda: not any(folder.glob(".app.*")))
    large.write_bytes(b"new" * 100_000)
    host.send(large, f"{host.folder}/app", within=60)
    assert (folder / "app").read_bytes() == large.read_bytes()


def test_a_host_that_is_down_is_said_at_once_and_found_again_when_it_is_back(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    host.run(["true"])
    server.stop()
    with pytest.raises(Unreachable, match=rf"port {server.port}: Connection refused; is sshd running there"):
        host.run(["true"])
    server.start()
    until(lambda: _answers(server))


def _answers(server: Sshd) -> bool:
    try:
        return server.host().run(["true"]).status == 0
    except Unreachable:
        return False


def test_an_unknown_host_key_is_refused_with_what_to_do_and_never_learned(sshd: Sshds) -> None:
    server = sshd.start(known=False)
    with sshd.config_file.open("a") as config:
        config.write("  StrictHostKeyChecking no\n")  # of the user's own: Pilotage does not follow it
    digest = subprocess.run(["ssh-keygen", "-lf", server.host_key], capture_output=True, text=True, check=True).stdout
    with pytest.raises(Unreachable) as refused:
        server.host().run(["true"])
    sentence = str(refused.value)
    assert "is not in known_hosts" in sentence
    assert digest.split()[1] in sentence
    assert f"`ssh-keyscan -p {server.port} 127.0.0.2 >> {sshd.known_hosts}`" in sentence
    assert sshd.known_hosts.read_text() == ""


def test_where_no_file_keeps_host_keys_that_is_what_to_mend(sshd: Sshds) -> None:
    server = sshd.start(known=False)
    sshd.config_file.write_text(f"UserKnownHostsFile /dev/null\n{sshd.config_file.read_text()}")
    with pytest.raises(Unreachable, match="name a file for it with UserKnownHostsFile in ssh_config"):
        server.host().run(["true"])


def test_a_changed_host_key_is_refused(sshd: Sshds) -> None:
    server = sshd.start()
    server.host().run(["true"])
    close_all()
    server.stop()
    for file in (server.host_key, Path(f"{server.host_key}.pub")):
        file.unlink()
    make_key(server.host_key)
    server.start()
    with pytest.raises(Unreachable, match=r"the host key has changed .*replace the entry at .*known_hosts:1"):
        server.host().run(["true"])


def test_permission_denied_names_the_user_and_the_keys_that_were_tried(sshd: Sshds) -> None:
    server = sshd.start()
    other = sshd.place / "other"
    make_key(other)
    sshd.config_file.write_text(sshd.config_file.read_text().replace(str(sshd.key), str(other)))
    with pytest.raises(Unreachable, match=rf"permission denied for the user \S+ \(publickey\); keys tried: {other}"):
        server.host().run(["true"])


def test_an_unknown_name_a_silent_host_and_a_missing_shell_are_told_apart(sshd: Sshds) -> None:
    with pytest.raises(Unreachable, match=r"the name no-such-host.invalid is unknown"):
        sshd.start().host(address="no-such-host.invalid").run(["true"])
    bound = sshd.start(extra=("ForceCommand echo this key only echoes",))
    with pytest.raises(Unreachable, match=r"the login worked, but .*this key only echoes"):
        bound.host().run(["true"])
    missing = sshd.start(extra=("ForceCommand exec /no/bin/sh",))
    with pytest.raises(Unreachable, match=r"the login worked, but .*/no/bin/sh"):
        missing.host().run(["true"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_said_and_the_old_file_stays(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    server.folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", server.folder], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        host.write(f"{host.folder}/file", b"old")
        with pytest.raises(AdapterError, match=r"cannot write \S+ on web1: .*No space left on device"):
            host.write(f"{host.folder}/file", b"x" * 100_000)
        assert host.read(f"{host.folder}/file") == b"old"
        assert [entry.name for entry in server.folder.iterdir()] == ["file"]
        assert host.run(["echo", "commands", "work"]).out == b"commands work\n"
    finally:
        close_all()
        subprocess.run(["umount", "-l", server.folder], check=True)


def test_a_host_where_every_login_is_slow_is_asked_through_one(sshd: Sshds) -> None:
    """2 s for a login are 2 s once, not 2 s a command."""
    server = sshd.start(extra=('ForceCommand sleep 2; eval "$SSH_ORIGINAL_COMMAND"',))
    host = server.host()
    assert [host.run(["echo", f"{number}"]).out for number in range(3)] == [b"0\n", b"1\n", b"2\n"]
    assert server.logins() == 1
    assert host.login_time > 2


def test_limits_of_sshd_hold_nobody_up(sshd: Sshds) -> None:
    """One session a connection, and most logins at a time dropped: each command in parallel ends all the same."""
    server = sshd.start(extra=("MaxSessions 1", "MaxStartups 2:90:4"))
    host, said = server.host(), []
    threads = [
        threading.Thread(
            target=lambda n=number: said.append(host.run(["sh", "-c", f"sleep 0.3; echo {n}"], within=20).out)
        )
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [f"{number}\n".encode() for number in range(6)]


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh"])
def test_a_login_shell_that_greets_is_no_trouble_whichever_it_is(sshd: Sshds, shell: str) -> None:
    needs(shell)
    banner = "echo 'Welcome! 3 updates'; echo 'be careful' >&2"
    server = sshd.start(extra=(f'ForceCommand {banner}; exec {shell} -c "$SSH_ORIGINAL_COMMAND"',))
    done = server.host().run(["printf", "%s", "a'b\n$HOME"])
    assert (done.out, done.err) == (b"a'b\n$HOME", b"")


@pytest.mark.parametrize("path", ["zombie", f"{'long' * 40}-%C"])
def test_control_masters_of_the_user_are_left_alone(sshd: Sshds, path: str) -> None:
    """A socket whose master takes connections and never answers, and a path that is too long for one."""
    server, folder = sshd.start(), Path(tempfile.mkdtemp(prefix="ssh-", dir="/tmp"))
    with sshd.config_file.open("a") as config:
        config.write(f"  ControlMaster auto\n  ControlPersist 600\n  ControlPath {folder}/{path}\n")
    with socket.socket(socket.AF_UNIX) as zombie:
        zombie.bind(f"{folder}/zombie")
        zombie.listen()
        assert server.host().run(["echo", "direct"]).out == b"direct\n"
    assert [entry.name for entry in folder.iterdir()] == ["zombie"]
    shutil.rmtree(folder)


def test_nothing_is_left_of_a_controller_that_is_killed(sshd: Sshds) -> None:
    """No process of ssh here, no shell there."""
    server = sshd.start()
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom pilotage.adapters.hosts.ssh import SshHost\n"
        "from pilotage.config.hosts import HostSection\n"
        "host = SshHost('web1', HostSection.model_validate_json(sys.argv[1]), Path('/'))\n"
        "host.run(['true'])\nprint('up', flush=True)\nhost.run(['sleep', '2'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, server.section().model_dump_json()], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    until(lambda: "sleep" in server.names())
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: not server.running() and not server.sessions())
    assert not _clients(server)


def _clients(server: Sshd) -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [row for row in found if row.startswith("ssh ") and f"-p {server.port} " in row]


def test_a_megabyte_of_output_is_kept_and_no_more(sshd: Sshds) -> None:
    done = (
        sshd.start().host().run(["sh", "-c", "head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end >&2"])
    )
    assert (len(done.out), len(done.err), done.err[-4:]) == (1_000_000, 1_000_000, b"end\n")


def test_no_argument_list_on_either_side_holds_a_secret(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    seen = host.run(["ps", "-eo", "args"], environment={"TOKEN": "hush-4714"}, input=b"hush-4714").out
    assert b"ps -eo args" in seen
    assert b"hush-4714" not in seen
