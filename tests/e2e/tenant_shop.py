"""A service with tenants, for tests of waves: from 3.0 on it fails the tenants of the second wave."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main() -> None:
    port, version = int(sys.argv[1]), sys.argv[2]

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hurt = version >= "3" and self.headers.get("x-tenant", "").startswith("two-")
            body = version.encode()
            self.send_response(500 if hurt else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever(0.02)


if __name__ == "__main__":
    main()
