"""Documentation: each version has one Markdown page, in a folder, in a git repository, or PUT on a server.

The newest message of a version replaces its page: what is coming, the release notes, the amended notes, or that the
release was rolled back. Writing the same page twice changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import write_durably
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify.pages import inside, page_of, path_of
from pilotage.adapters.outgoing import Undelivered, send
from pilotage.adapters.secrets import resolve
from pilotage.model.json import JsonObject
from pilotage.model.message import Message

if TYPE_CHECKING:
    from pilotage.adapters.notify.publishing import DocumentationSection


class Documentation:
    def __init__(self, section: DocumentationSection) -> None:
        self._section = section

    def send(self, delivery: Delivery) -> JsonObject:
        message = delivery.message
        path, page = path_of(self._section.page, message), page_of(message)
        if self._section.folder is not None:
            return _write(Path(self._section.folder), path, page)
        if self._section.url is not None:
            return self._put(self._section.url, path, page)
        return self._push(self._section.repository or "", path, page, message)

    def _put(self, url: str, path: str, page: bytes) -> JsonObject:
        headers = {"Content-Type": "text/markdown; charset=utf-8"}
        if self._section.token:
            headers["Authorization"] = f"Bearer {resolve(self._section.token).reveal()}"
        send("PUT", f"{url.rstrip('/')}/{path}", page, headers, private=self._section.allow_private_network)
        return {"page": path}

    def _push(self, repository: str, path: str, page: bytes, message: Message) -> JsonObject:
        from pilotage.adapters.notify.repository import Remote, push_page

        token = resolve(self._section.token).reveal() if self._section.token else ""
        remote = Remote(
            address=repository, branch=self._section.branch, author=self._section.author, token=token,
            private=self._section.allow_private_network,
        )  # fmt: skip
        return {"page": path, "commit": push_page(remote, path, page, message)}


def _write(folder: Path, path: str, page: bytes) -> JsonObject:
    place = inside(folder, path)
    try:
        write_durably(place, page, shared=True)
    except OSError as error:
        raise Undelivered(f"{place} cannot be written: {error.strerror or error}") from None
    return {"page": path}
