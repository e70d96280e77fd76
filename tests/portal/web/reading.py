"""Reads a page as its reader does: texts, forms, and what a strict content policy forbids."""

import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
SILENT = {"script", "style", "pre", "code", "option"}
SPOKEN = {"alt", "aria-label", "placeholder", "title", "data-label"}


class Reader(HTMLParser):
    """Texts that are shown in the page's own language, and everything the tests ask about the markup."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append((tag, known))
        foreign = ("lang" in known and tag != "html") or "hreflang" in known
        silent = (
            foreign or tag in SILENT or "k-code" in known.get("class", "") or (bool(self._open) and self._open[-1][1])
        )
        if not silent:
            self.texts += [value for name, value in known.items() if name in SPOKEN and value]
        if tag not in VOID:
            self._open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and self._open and not self._open[-1][1]:
            self.texts.append(text)

    def of(self, name: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag == name]


def forbidden(html: str) -> list[str]:
    """What a policy without 'unsafe-inline' would block, and what comes from elsewhere."""
    page = Reader(html)
    found = [f"style attribute on <{tag}>" for tag, attrs in page.tags if "style" in attrs]
    found += [f"{name} on <{tag}>" for tag, attrs in page.tags for name in attrs if name.startswith("on")]
    found += ["inline style" for attrs in page.of("style") if "nonce" not in attrs]
    found += [
        "inline script"
        for attrs in page.of("script")
        if "src" not in attrs and "nonce" not in attrs and attrs.get("type") != "application/json"
    ]
    sources = [attrs.get("src", "") for tag, attrs in page.tags] + [attrs.get("href", "") for attrs in page.of("link")]
    return found + [f"foreign source {source}" for source in sources if re.match(r"(https?:)?//", source)]


SENTENCE = re.compile(r"[A-Za-z][a-z']+(?:[ ,]+[A-Za-z][A-Za-z'-]*){2,}")


def english(html: str) -> list[str]:
    """Runs of three and more Latin words on a page that should be Japanese."""
    return sorted({found[0] for text in Reader(html).texts if (found := SENTENCE.search(text))})
