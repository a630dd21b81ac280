"""Fails if a page of site/ links to what is not there, cannot be reached from the first page, or makes the browser
load anything from elsewhere. What zensical checks itself is the links between the Markdown files, not what became
of them."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

SITE = Path(__file__).resolve().parent.parent / "site"
LOADING = {"src", "srcset", "poster", "data", "action"}  # attributes that make a browser fetch or send
LOADED = {"stylesheet", "icon", "preconnect", "preload", "prefetch", "dns-prefetch", "manifest"}


class Page(HTMLParser):
    """What a page links to, loads, and can be reached by."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.loads += [value for name, value in given.items() if name in LOADING]
        if href := given.get("href"):
            loaded = tag == "link" and LOADED & set(given.get("rel", "").split())
            (self.loads if loaded else self.links).append(href)


def main() -> int:
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(SITE.rglob("*.html"))}
    lost = Page("")
    reached, faults = {SITE / "index.html", SITE / "404.html"}, []
    for path, page in pages.items():
        here = "/" + path.relative_to(SITE).as_posix()
        for target in page.loads + page.links:
            url = urlsplit(urljoin(here, target))
            if url.scheme or url.netloc:
                if target in page.loads and url.scheme != "data":
                    faults.append(f"{here}: loads {target}")
                elif url.scheme not in {"https", "mailto"}:
                    faults.append(f"{here}: {target} is no https address")
                continue
            there = SITE / unquote(url.path).lstrip("/")
            there = there / "index.html" if there.is_dir() else there
            reached.add(there)
            anchors = pages.get(there, lost).anchors
            if not there.is_file() or (url.fragment and unquote(url.fragment) not in anchors):
                faults.append(f"{here}: {target} leads nowhere")
    faults += [f"/{path.relative_to(SITE)}: no page links to it" for path in pages if path not in reached]
    print(
        *dict.fromkeys(faults)
        or [f"{len(pages)} pages, all links lead somewhere, nothing is loaded from elsewhere"],
        sep="\n",
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
