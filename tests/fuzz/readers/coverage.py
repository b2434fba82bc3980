"""Reports of coverage: a share above the one that a plain count gives would open a gate wrongly."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.coverage import covered
from tests.fuzz.reader import Reader, Sample, refusal
from tests.fuzz.readers.junit import CASES, plain_tree, tag


def _check(sample: Sample) -> Iterator[str]:
    try:
        hit, lines = covered(sample.content, sample.name)
    except BadEvidence as error:
        yield from refusal(str(error))
        return
    if not 0 <= hit <= lines or not lines:
        yield f"an impossible share: {hit} of {lines}"
        return
    plain = _plain(sample)
    if plain is not None and plain[1] and hit / lines > plain[0] / plain[1] + 0.001:
        yield f"more covered than a plain count says: {hit} of {lines}, not {plain[0]} of {plain[1]}"


def _plain(sample: Sample) -> tuple[int, int] | None:
    """Lines run and all lines, counted one by one; None where that is not so simple."""
    start = sample.content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    if start == b"<":
        return _plain_xml(sample.content)
    if start == b"{":
        try:
            totals = json.loads(sample.content)["totals"]
        except (ValueError, RecursionError):
            return None
        return int(totals["covered_lines"]), int(totals["num_statements"])
    return _plain_lcov(sample.text) if b"SF:" in sample.content else None


def _plain_lcov(text: str) -> tuple[int, int] | None:
    best: dict[tuple[str, str], int] = {}
    source = ""
    for line in text.split("\n"):
        if line.startswith("SF:"):
            source = line.rstrip()
        elif line.startswith("DA:"):
            number, count = line.rstrip()[3:].split(",")[:2]
            best[source, number] = max(best.get((source, number), 0), int(float(count)))
        elif line.startswith(("LF:", "LH:")) and not any(file == source for file, _ in best):
            return None  # it gives only sums
    return sum(count > 0 for count in best.values()), len(best)


def _plain_xml(content: bytes) -> tuple[int, int] | None:
    if (root := plain_tree(content)) is None:
        return None
    if tag(root) == "report":
        sums = [one for one in root if tag(one) == "counter" and one.get("type") == "LINE"]
        hit, missed = (int(float(sums[0].get(key) or 0)) for key in ("covered", "missed"))
        return hit, hit + missed
    best: dict[tuple[str | None, str | None], float] = {}
    for one in root.iter():
        if tag(one) == "class":
            for line in one.iter():
                if tag(line) == "line":
                    place = one.get("filename") or one.get("name"), line.get("number")
                    best[place] = max(best.get(place, 0.0), float(line.get("hits") or 0))
    return (sum(hits > 0 for hits in best.values()), len(best)) if best else None


_SEEDS = {
    "lcov.info": b"TN:\nSF:a.py\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\n",
    "go.out": b"mode: set\na/b.go:1.2,3.4 2 1\na/b.go:5.2,6.4 1 0\n",
    "jacoco.xml": b'<report name="r"><package name="p"/><counter type="LINE" missed="1" covered="3"/></report>',
    "coverage.json": b'{"meta": {}, "files": {}, "totals": {"covered_lines": 3, "num_statements": 4}}',
}

READER = Reader(
    name="coverage",
    check=_check,
    seeds=(
        *(Sample(name, content) for name, content in _SEEDS.items()),
        *(Sample(path.name, path.read_bytes()) for path in sorted((CASES / "coverage").iterdir())),
    ),
    takes=lambda path: path.suffix in (".lcov", ".info", ".coverprofile", ".out")
    or (path.suffix in (".xml", ".json", ".txt") and ("cov" in str(path).lower() or "jacoco" in str(path).lower())),
    words=(
        "end_of_record", "SF:b.py", "DA:3,1", "DA:3,-1", "LF:9", "LH:9", "mode: set", ' hits="-1"', ' hits="1e9"',
        ' lines-valid="9"', ' lines-covered="9"', ' filename=""', "<counter type='LINE' missed='0' covered='9'/>",
        "<line number='1' hits='1'/>", "<class filename='x'>", "</class>", '"covered_lines": 9', "a/b.go:1.2,3.4 2 0",
    ),
)  # fmt: skip
