"""The gallery of the pages' components, each with its markup: `python docs/gallery.py OUT.html`.

The page holds its style, so that a browser opens it from a file. Copy the markup; the classes are in
`src/pilotage/render/style/base.css`.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

STYLE = Path(__file__).resolve().parent.parent / "src/pilotage/render/style"
EXAMPLES = Path(__file__).with_name("gallery.html")
_PART = re.compile(r"<!-- ([^:>]+): (.*?) -->\n(.*?)(?=\n<!-- |\Z)", re.DOTALL)


def main() -> None:
    Path(sys.argv[1]).write_text(gallery(), encoding="utf-8")


def parts() -> list[tuple[str, str, str]]:
    """Title, what it is for, and markup of each component."""
    return _PART.findall(EXAMPLES.read_text(encoding="utf-8"))


def gallery() -> str:
    shown = "\n".join(_part(*part) for part in parts())
    css = "\n".join((STYLE / name).read_text(encoding="utf-8") for name in ("tokens.css", "base.css"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Components of the pages</title>\n'
        f"<style>\n{css}</style>\n</head>\n<body>\n"
        '<header class="top"><div class="wrap"><a class="brand" href="#main">Pilotage</a></div></header>\n'
        '<main id="main" class="wrap">\n<div class="head"><div><h1>Components of the pages</h1>'
        '<p class="sub">Each with its markup. Two style sheets make them: tokens.css and base.css.</p></div></div>\n'
        f"{shown}\n</main>\n</body>\n</html>\n"
    )


def _part(title: str, words: str, markup: str) -> str:
    code = escape(markup.strip())
    anchor = title.lower().replace(" ", "-").replace(",", "")
    return (
        f'<section id="{anchor}" class="stack"><div><h2>{escape(title)}</h2><p class="sub">{escape(words)}</p></div>\n'
        f'{markup.strip()}\n<details class="fold"><summary>Markup</summary><div><pre><code>{code}</code></pre></div>'
        "</details></section>"
    )


if __name__ == "__main__":
    main()
