"""How one instance starts, according to the folder's files. Each reader knows one kind of project and returns nothing
for other kinds."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

from pilotage.app.proposals.found import (
    LONGEST_LINE,
    RELEASES,
    Proposal,
    completed,
    from_shell,
    is_program,
    line_with,
    text_of,
)

_SERVERS = ("datasette", "uvicorn", "gunicorn", "hypercorn", "granian", "waitress-serve", "streamlit", "flask")
_NODE = ("node", "npm", "yarn", "pnpm", "bun", "deno", "npx")
_APPS = ("main.py", "app.py", "wsgi.py", "asgi.py", "server.py", "api.py", "app/main.py", "src/main.py", "src/app.py")
_APP = re.compile(r"^(\w+)(?: *:[^=]*)? *= *(?:\w+\.)?(FastAPI|Flask|Starlette|Quart|Litestar|Sanic)\(")
_WEB = re.compile(r"^web:(.*)$")
_SETTINGS = re.compile(r"[\"'](\w+)(?:\.\w+)*\.settings")
_MODULE = re.compile(r"^module[ \t]+(\S+)")
_MAJOR = re.compile(r"/v[0-9]+$")
_FLAG = re.compile(r"flag\.(Int|String)(?:Var)?\([^\"\n]*\"(port|p|addr|listen|http)\"")
_STARTED = re.compile(r"^(ENTRYPOINT|CMD)[ \t]+(.+)$", re.IGNORECASE)
_IMAGE_HOME = re.compile(r"^/(?:usr/src/)?app/")
_ASGI = ("FastAPI", "Starlette", "Quart", "Litestar")
_VERSION = re.compile(r"v?\d+(\.\w+)*([-+].*)?")


def installed_versions(folder: Path) -> Proposal | None:
    """Versions in neighbouring folders, such as `versions/1.2.0/bin/datasette`."""
    for parent in sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")):
        versions = sorted(child for child in parent.iterdir() if child.is_dir() and _VERSION.fullmatch(child.name))
        if not versions:
            continue
        place = f"{parent.name}/{{version}}"
        for server in (*_SERVERS, "json-server"):
            for inside in (f"bin/{server}", f"node_modules/.bin/{server}"):
                if is_program(versions[-1] / inside):
                    return _of_server(folder, f"{place}/{inside}", server, place)
        return propose_start(versions[-1], place)
    return None


def _of_server(folder: Path, program: str, server: str, source: str) -> Proposal:
    words = [program]
    if server == "datasette":
        words += ["serve", *(sorted(p.name for p in folder.glob("*.db")) or ["--memory"])]
    if server == "json-server":
        words += sorted(p.name for p in folder.glob("*.json") if p.name != "package.json")[:1] or ["db.json"]
    return completed(words, source=source)


def procfile(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "Procfile")
    web = line_with(_WEB, text)
    return from_shell(web[1].strip(), place=place, source=name) if web else None


def django(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "manage.py")
    project = line_with(_SETTINGS, text)
    if "django" not in text.lower():
        return None
    if project and "gunicorn" in _dependencies(folder):
        return completed([_python(folder, "gunicorn"), f"{project[1]}.wsgi"], place=place, source=name)
    return completed([_python(folder, "python"), "manage.py", "runserver"], place=place, source=name)


def python_app(folder: Path, place: str) -> Proposal | None:
    """An application object in one of the usual files, served by what its framework is usually served by."""
    for name in _APPS:
        text, _ = text_of(folder, name)
        if found := line_with(_APP, text):
            return _served(folder, place, name, found[1], found[2])
    pyproject, name = text_of(folder, "pyproject.toml")
    scripts = _scripts(pyproject)
    if len(scripts) == 1:
        return completed([_python(folder, scripts[0]), "--port", "{port}"], place=place, source=name)
    return None


def _served(folder: Path, place: str, name: str, app: str, framework: str) -> Proposal:
    module = name.removesuffix(".py").removeprefix("src/").replace("/", ".")
    if framework in _ASGI:
        words = [_python(folder, "uvicorn"), f"{module}:{app}"]
    elif framework == "Sanic":
        words = [_python(folder, "sanic"), f"{module}:{app}", "--port", "{port}"]
    elif "gunicorn" in _dependencies(folder):
        words = [_python(folder, "gunicorn"), f"{module}:{app}"]
    else:
        words = [_python(folder, "flask"), "--app", module, "run"]
    if name.startswith("src/"):
        words += {"uvicorn": ["--app-dir", "src"], "gunicorn": ["--chdir", "src"]}.get(Path(words[0]).name, [])
    return completed(words, place=place, source=name)


def _python(folder: Path, program: str) -> str:
    """A program of Python: of the version's own virtual environment where the folder has one."""
    home = next((name for name in (".venv", "venv") if (folder / name / "bin").is_dir()), "")
    if home:
        return f"{home}/bin/{program}"
    return program if program != "python" or shutil.which("python") else "python3"


def _dependencies(folder: Path) -> str:
    return "\n".join(text_of(folder, name)[0] for name in ("requirements.txt", "pyproject.toml", "Pipfile"))


def _scripts(pyproject: str) -> list[str]:
    found = _table(pyproject, "project").get("scripts")
    return [str(name) for name in found] if isinstance(found, dict) else []


def _table(text: str, name: str) -> dict[str, object]:
    """A table of a TOML file; empty if there is none, or if the file is invalid."""
    try:
        found = tomllib.loads(text).get(name)
    except tomllib.TOMLDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def node(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "package.json")
    try:
        package = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(package, dict):
        return None
    scripts = package.get("scripts")
    start = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(start, str) and start.strip():
        found = from_shell(start, place=place, source=name)
        return found and _of_node(found)
    for main in (package.get("main"), "server.js", "index.js", "app.js"):
        if isinstance(main, str) and (folder / main).is_file():
            return completed(["node", main], place=place, source=name)
    if "json-server" in str(package.get("dependencies", {})):
        return _of_server(folder, "node_modules/.bin/json-server", "json-server", name)
    return None


def _of_node(found: Proposal) -> Proposal:
    """A script finds the programs of its packages; `npm start` would be a process between Pilotage and the server."""
    first, *rest = found.command
    if first in (*_NODE, "sh") or "/" in first:
        return found
    return Proposal(
        command=(f"node_modules/.bin/{first}", *rest), cwd=found.cwd, env=found.env, source=found.source
    )  # fmt: skip


def go(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "go.mod")
    module = line_with(_MODULE, text)
    if module is None:
        return None
    words = [f"./{_MAJOR.sub('', module[1]).rpartition('/')[2]}"]
    sources = [text_of(folder, str(path.relative_to(folder)))[0] for path in sorted(folder.glob("*.go"))[:20]]
    sources += [text_of(folder, str(path.relative_to(folder)))[0] for path in sorted(folder.glob("cmd/*/*.go"))[:20]]
    flag = line_with(_FLAG, "\n".join(sources))
    if flag:
        words += [f"-{flag[2]}", "{port}" if flag[1] == "Int" or flag[2] in ("port", "p") else "127.0.0.1:{port}"]
    return completed(words, place=place, source=name)


def rust(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "Cargo.toml")
    package = _table(text, "package").get("name")
    return completed([f"./{package}"], place=place, source=name) if isinstance(package, str) else None


def ruby(folder: Path, place: str) -> Proposal | None:
    if (folder / "bin" / "rails").is_file():
        return completed(["bin/rails", "server"], place=place, source="bin/rails")
    if (folder / "config.ru").is_file():
        return completed(["bundle", "exec", "puma"], place=place, source="config.ru")
    return None


def java(folder: Path, place: str) -> Proposal | None:
    text, name = text_of(folder, "pom.xml", "build.gradle", "build.gradle.kts")
    if "org.springframework.boot" not in text:
        return None
    return completed(["java", "-jar", "app.jar", "--server.port={port}"], place=place, source=name)


def php(folder: Path, place: str) -> Proposal | None:
    if (folder / "artisan").is_file():
        return completed(["php", "artisan", "serve"], place=place, source="artisan")
    return None


def dockerfile(folder: Path, place: str) -> Proposal | None:
    """What a container starts, as far as it is a command and not a path inside the image."""
    text, name = text_of(folder, "Dockerfile", "Containerfile")
    parts: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if started := _STARTED.search(line[:LONGEST_LINE]):
            parts[started[1].upper()] = started[2].strip()
    words: list[str] = []
    for said in (parts[name] for name in ("ENTRYPOINT", "CMD") if name in parts):
        try:
            listed = json.loads(said)
        except ValueError:
            return from_shell(said, place=place, source=name)
        words += [str(word) for word in listed] if isinstance(listed, list) else []
    if not words or words[0].startswith(("/docker", "/entrypoint", "docker-entrypoint")):
        return None
    return completed([_IMAGE_HOME.sub("./", word) for word in words], place=place, source=name)


def static(folder: Path, place: str) -> Proposal | None:
    if not (folder / "index.html").is_file():
        return None
    words = ["python3", "-m", "http.server", "--bind", "127.0.0.1"]
    return completed(words, place=place, source="index.html")


_READERS: tuple[Callable[[Path, str], Proposal | None], ...] = (
    procfile, django, python_app, node, ruby, php, java, go, rust, dockerfile, static,
)  # fmt: skip
"""In the order in which they are believed."""


def propose_start(folder: Path, place: str = RELEASES) -> Proposal | None:
    """How the project in this folder starts; None if its files do not say."""
    return next((found for reader in _READERS if (found := reader(folder, place)) is not None), None)
