"""A small service as a user writes it: it evaluates its flag with OpenFeature, and counts with `pilotage.openfeature`.

What it does is in `RELEASES/VERSION.json`: `by` says how it gets its flag (`ofrep` asks for each request, `grpc`
follows the definitions), and the fault `flag` fails every third request of users with the flag.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from pilotage.demo.toggles import group_of
from pilotage.openfeature import VariantCounter

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

FLAG = "new-checkout"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--ofrep-port", "--sync-port"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--releases", type=Path, required=True)
    options = parser.parse_args()
    built = json.loads((options.releases / f"{options.release}.json").read_text())
    if built["by"] == "grpc":
        in_process = ResolverType.IN_PROCESS
        api.set_provider(FlagdProvider(resolver_type=in_process, host="127.0.0.1", port=options.sync_port, tls=False))
    else:
        api.set_provider(OFREPProvider(f"http://127.0.0.1:{options.ofrep_port}"))
    client, numbers = api.get_client(), itertools.count()
    counter = VariantCounter(FLAG)
    api.add_hooks([counter.hook])

    def shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status = "200 OK"
        if environ["PATH_INFO"] != "/healthz":
            found = re.search(r"session=([^;]+)", environ.get("HTTP_COOKIE", ""))
            user = found[1] if found else "nobody"
            new = client.get_boolean_value(FLAG, False, EvaluationContext(user, {"group": group_of(user)}))
            time.sleep(0.01)
            if new and built["fault"] == "flag" and next(numbers) % 3 == 0:
                status = "500 Internal Server Error"
        content = json.dumps({"release": options.release}).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
        return [content]

    make_server("127.0.0.1", options.port, counter.wsgi(shop), Server, Quiet).serve_forever()


if __name__ == "__main__":
    main()
