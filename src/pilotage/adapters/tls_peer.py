"""How long the certificate of a TLS server is still valid, as a client sees it."""

from __future__ import annotations

import socket
import ssl
import time

from pilotage.adapters.ports import AdapterError


def days_left(host: str, port: int, timeout: float = 5.0) -> float:
    """Days until the certificate expires. Raises AdapterError where the server is not reached or not trusted."""
    try:
        with (
            socket.create_connection((host, port), timeout) as raw,
            ssl.create_default_context().wrap_socket(raw, server_hostname=host) as secure,
        ):
            found = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise AdapterError(f"{host}:{port}: its certificate is not trusted: {error.verify_message}") from None
    except OSError as error:
        raise AdapterError(f"{host}:{port} cannot be reached: {error.strerror or error}") from None
    until = found.get("notAfter")
    if not isinstance(until, str):
        raise AdapterError(f"{host}:{port}: its certificate names no end")
    return (ssl.cert_time_to_seconds(until) - time.time()) / 86_400
