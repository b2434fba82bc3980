"""Commands and files on a host over SSH (R27), with real sshd servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.ports import AdapterError, Fenced
from tests.ssh import Sshds, sshd, until

__all__ = ["sshd"]


def test_a_command_gets_its_words_input_and_environment_as_they_are(sshd: Sshds) -> None:
    """No shell reads them: quotes, line feeds, dollars and bytes that are no text arrive unchanged."""
    host = sshd.start().host()
    words = ["a b", "'\"`$HOME`\\", "two\nlines\n", "", "*", "~", "ümläut", "-n", "\udcff\udc81"]
    shown = host.run(["printf", "%s\\0", *words], input=b"")
    assert shown.status == 0
    assert shown.out.decode("utf-8", "surrogateescape").split("\0")[:-1] == words
    secret = 'it\'s "$(secret)"\n\\x'
    done = host.run(
        ["/bin/sh", "-c", 'printf %s "$TOKEN"; cat'], input=b"\0\n\xff" * 50_000, environment={"TOKEN": secret}
    )
    assert done.out == secret.encode() + b"\0\n\xff" * 50_000
    assert host.run(["pwd"], cwd="/usr/bin").out == b"/usr/bin\n"
    assert host.run(["/bin/sh", "-c", "echo oh >&2; exit 7"]).status == 7
    assert host.run(["/bin/sh", "-c", "kill -9 $$"]).status == 137
    assert host.run(["no-such-program"]).status == 127
    assert host.run(["/etc/passwd"]).status == 126
    assert host.run(["true"], cwd="/nowhere").status == 127


def test_files_are_written_read_and_sent(sshd: Sshds, tmp_path: Path) -> None:
    host = sshd.start().host()
    path = f"{host.folder}/new/file"
    assert host.read(path) is None
    host.write(path, b"content\n", mode=0o640)
    assert host.read(path) == b"content\n"
    assert oct(Path(path).stat().st_mode) == "0o100640"
    host.write(path, b"other", mode=0o600)
    assert (host.read(path), oct(Path(path).stat().st_mode)) == (b"other", "0o100640")
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 20_000)
    host.send(large, f"{host.folder}/large", within=20)
    assert Path(host.folder, "large").read_bytes() == large.read_bytes()
    assert sorted(entry.name for entry in Path(host.folder).iterdir()) == ["large", "new"]


def test_a_command_whose_time_is_over_is_killed_there_with_its_children(sshd: Sshds) -> None:
    server = sshd.start()
    host = server.host()
    host.run(["true"])
    with pytest.raises(AdapterError, match="did not end within 1 s on web1"):
        host.run(["/bin/sh", "-c", "sleep 4712 & sleep 4711"], within=1)
    until(lambda: server.names() == ["sh"])
    assert host.run(["echo", "next"]).out == b"next\n"


def test_a_higher_fence_on_the_host_refuses_the_command(sshd: Sshds, tmp_path: Path) -> None:
    host = sshd.start().host()
    old, new = (
        Fence(tmp_path / who / "shop" / "production" / "fence.json", token, who)
        for who, token in (("one", 4), ("two", 5))
    )
    assert host.run(["echo", "1"], fence=old).out == b"1\n"
    assert host.run(["echo", "2"], fence=new).out == b"2\n"
    with pytest.raises(Fenced, match=r"another controller \(two, token 5\) has taken over web1"):
        host.run(["touch", f"{tmp_path}/changed"], fence=old)
    with pytest.raises(Fenced):
        host.write(f"{host.folder}/file", b"x" * 100_000, fence=old)
    assert not (tmp_path / "changed").exists()
    fence = Path(host.folder, "fences", "shop.production")
    fence.write_text("pilotage-fence 9")  # cut off: the other copy is right
    with pytest.raises(Fenced):
        host.run(["true"], fence=old)
    assert host.run(["true"], fence=new).status == 0
    assert fence.read_text() == "pilotage-fence 5 =two .\n"


def test_a_command_that_ends_leaves_nothing_running_there(sshd: Sshds) -> None:
    """Nor what would have killed it at its deadline, however soon it ended."""
    server = sshd.start()
    host = server.host()
    for _ in range(60):
        host.run(["true"], within=300)
    until(lambda: server.names() == ["sh"])


def test_a_followed_command_is_seen_as_it_runs_and_killed_when_its_caller_goes(sshd: Sshds, tmp_path: Path) -> None:
    server = sshd.start()
    host, seen = server.host(), bytearray()

    def interrupted(data: bytes) -> None:
        seen.extend(data)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.follow(["/bin/sh", "-c", "echo begun; sleep 4715"], out=interrupted, err=seen.extend, within=300)
    assert seen == b"begun\n"
    until(lambda: "sleep" not in server.names())
    for one in (host, LocalHost(tmp_path)):
        out, err = bytearray(), bytearray()
        script = ["/bin/sh", "-c", "echo out; echo err >&2; exit $1", "sh", "3"]
        assert one.follow(script, out=out.extend, err=err.extend) == 3
        assert (bytes(out), bytes(err)) == (b"out\n", b"err\n")
        assert one.follow(["no-such-program"], out=out.extend, err=err.extend) == 127
        with pytest.raises(AdapterError, match="did not end within 1 s"):
            one.follow(["sleep", "4716"], out=out.extend, err=err.extend, within=1)


@pytest.mark.parametrize("where", ["here", "there"])
def test_what_a_command_leaves_running_does_not_hold_it_up(sshd: Sshds, tmp_path: Path, where: str) -> None:
    """Nor does a command that reads none of its input, or one that writes without end."""
    host: Host = sshd.start().host() if where == "there" else LocalHost(tmp_path)
    assert host.run(["/bin/sh", "-c", "sleep 4 & echo started"], within=3).out == b"started\n"
    assert host.run(["echo", "read nothing"], input=b"x" * 1_000_000).out == b"read nothing\n"
    done = host.run(["head", "-c", "30000000", "/dev/zero"])
    assert (done.status, len(done.out)) == (0, 1_000_000)
