"""Signatures with SSH keys, by OpenSSH's `ssh-keygen -Y` (PROTOCOL.sshsig): from an agent, or a file in ~/.ssh."""

from __future__ import annotations

import base64
import binascii
import subprocess
import tempfile
from pathlib import Path

NAMESPACE = "pilotage"
"""What a signature is for; one for git or a mail is none here."""
TYPES = (
    "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-rsa",
)  # fmt: skip
_TIMEOUT = 60.0
"""Seconds: a security key waits for a touch."""
_LONGEST = 8000


def public_key(line: str) -> str | None:
    """Type and key of a line as `ssh-keygen` writes it, without its comment; None for anything else."""
    words = line[:_LONGEST].split()
    if len(words) < 2 or words[0] not in TYPES:
        return None
    try:
        content = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    named = len(words[0]).to_bytes(4, "big") + words[0].encode()
    return f"{words[0]} {words[1]}" if content.startswith(named) and len(content) > len(named) + 30 else None


def sign(key: str, content: bytes) -> bytes | None:
    """The signature by the private half of this public key; None where nobody here has it."""
    with tempfile.TemporaryDirectory(prefix="pilotage-") as folder:
        public = Path(folder, "key.pub")
        public.write_text(f"{key}\n")
        message = Path(folder, "message")
        message.write_bytes(content)
        for holder in (public, *_files(key)):
            done = _run("sign", "-n", NAMESPACE, "-f", str(holder), str(message))
            made = message.with_name("message.sig")
            if done is not None and done.returncode == 0 and made.exists():
                return made.read_bytes()
    return None


def verifies(key: str, content: bytes, signature: bytes) -> bool:
    with tempfile.TemporaryDirectory(prefix="pilotage-") as folder:
        allowed, made = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text(f'someone namespaces="{NAMESPACE}" {key}\n')
        made.write_bytes(signature)
        done = _run(
            "verify", "-f", str(allowed), "-I", "someone", "-n", NAMESPACE, "-s", str(made), given=content
        )  # fmt: skip
    return done is not None and done.returncode == 0


def _files(key: str) -> tuple[Path, ...]:
    """Private keys in ~/.ssh whose public half this is."""
    try:
        public = [path for path in sorted(Path.home().joinpath(".ssh").glob("*.pub")) if _holds(path, key)]
    except (OSError, RuntimeError):
        return ()
    return tuple(path.with_suffix("") for path in public)


def _holds(path: Path, key: str) -> bool:
    return path.stat().st_size < _LONGEST and public_key(path.read_text(errors="replace")) == key


def _run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", *arguments], input=given, capture_output=True, timeout=_TIMEOUT, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
