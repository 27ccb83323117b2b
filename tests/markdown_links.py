"""Links of Markdown files: which of them lead nowhere."""

import re
from collections import Counter
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", flags=re.DOTALL | re.MULTILINE)
FENCES = re.compile(r"^```.*?^```", flags=re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r"[a-z]+:")


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a file."""
    text, seen, found = FENCES.sub("", path.read_text(encoding="utf-8")), Counter[str](), set()
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", LINK.sub("", heading).lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken_links(path: Path) -> list[str]:
    """Return the relative links of a file whose target or anchor does not exist."""
    links = LINK.findall(CODE.sub("", path.read_text(encoding="utf-8")))
    return [link for link in links if not ADDRESS.match(link) and not _resolves(path, link)]


def _resolves(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    if not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))
