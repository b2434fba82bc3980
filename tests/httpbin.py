"""go-httpbin, an application nobody here wrote: published versions of it as one static program each.

`/env` names the release. The release `BROKEN` stands for one that has lost its database: it is healthy, and every
second answer is an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pilotage.model.json import text_at
from tests.programs import needs

OLD, NEW = "2.25.0", "2.26.0"
BROKEN = "2.27.0"
REBUILT = ("2.26.0-1", "2.26.0-2")
"""The same program as NEW, built again."""
RELEASES = (OLD, NEW, BROKEN, *REBUILT)
_MODULE = "github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin"
_LOST_ITS_DATABASE = """
package main

import ("encoding/json"; "flag"; "net/http"; "os"; "sync/atomic")

func main() {
    host, port := flag.String("host", "0.0.0.0", ""), flag.String("port", "8080", "")
    flag.Parse()
    var asked atomic.Int64
    http.HandleFunc("/status/200", func(w http.ResponseWriter, r *http.Request) {})
    http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
        if asked.Add(1) % 2 == 0 { w.WriteHeader(500) }
        env := map[string]string{"HTTPBIN_ENV_RELEASE": os.Getenv("HTTPBIN_ENV_RELEASE")}
        json.NewEncoder(w).Encode(map[string]any{"env": env})
    })
    panic(http.ListenAndServe(*host + ":" + *port, nil))
}
"""


_IMITATION = """#!{python}
import argparse, json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1

    def do_GET(self):
        body = json.dumps({{"env": {{"HTTPBIN_ENV_RELEASE": os.environ["HTTPBIN_ENV_RELEASE"]}}}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

parser = argparse.ArgumentParser()
parser.add_argument("-host")
parser.add_argument("-port", type=int)
options = parser.parse_args()
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()
"""


def imitate(place: Path) -> None:
    """`<place>/<release>/go-httpbin` for the good releases, as far as `/env` goes: building the real ones takes a
    minute of the processor, because Go compiles its library first."""
    for version in (OLD, NEW):
        program = program_of(place, version)
        program.parent.mkdir()
        program.write_text(_IMITATION.format(python=sys.executable))
        program.chmod(0o755)


def install(place: Path) -> None:
    """`<place>/<release>/go-httpbin` for every release, from the Go module proxy."""
    go, environment = go_program(), {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-ldflags=-s"}
    for version in (OLD, NEW):
        told = {**environment, "GOBIN": str(place / version)}
        done = subprocess.run([go, "install", f"{_MODULE}@v{version}"], env=told, capture_output=True, text=True)
        if done.returncode and "proxy.golang.org" in done.stderr:
            pytest.skip(f"go-httpbin cannot be had here: {done.stderr.strip().splitlines()[-1]}")
        assert not done.returncode, done.stderr
    (place / "broken.go").write_text(_LOST_ITS_DATABASE)
    broken = [go, "build", "-o", str(program_of(place, BROKEN)), str(place / "broken.go")]
    subprocess.run(broken, env=environment, check=True, capture_output=True)


def source(version: str = NEW) -> Path:
    """The folder of a release's source, from the Go module proxy; not to be written to."""
    module = f"{_MODULE.removesuffix('/cmd/go-httpbin')}@v{version}"
    done = subprocess.run([go_program(), "mod", "download", "-json", module], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"go-httpbin cannot be had here: {done.stdout.strip()[-300:]}")
    return Path(text_at(json.loads(done.stdout), "Dir"))


def go_program() -> str:
    """A Go from this decade: Debian's is too old for these versions."""
    usual = "/usr/local/go/bin/go"
    return usual if Path(usual).exists() else needs("go")


def program_of(place: Path, version: str) -> Path:
    """The program of a release."""
    return place / version.partition("-")[0] / "go-httpbin"


def pack(programs: Path, dist: Path, version: str) -> Path:
    """The artifact of a release."""
    dist.mkdir(exist_ok=True)
    path = dist / f"httpbin-{version}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(program_of(programs, version), "go-httpbin")
    return path
