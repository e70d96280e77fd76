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


INLINE = {"a", "abbr", "b", "button", "em", "ins", "small", "span", "strong", "time", "code"}
END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])|(?<=[。？！])")


class Prose(Reader):
    """The running text of the main part, a block each; what is in a table, a list of facts or another tongue is not."""

    def __init__(self, html: str) -> None:
        self.blocks: list[str] = [""]
        super().__init__(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag not in INLINE:
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag not in INLINE:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self._open and not self._open[-1][1]:
            self.blocks[-1] += data


def sentences(html: str) -> list[str]:
    """What a page says in whole sentences, each as it is read."""
    page = Prose(html)
    said = [sentence.strip() for block in page.blocks for sentence in END.split(" ".join(block.split()))]
    return [one for one in said if one.endswith((".", "?", "!", "。", "？", "！"))]


GRADE = 9  # years of school (automated readability index), over all the sentences of a page
WORDS, SIGNS = 32, 75  # of one sentence, in English and in Japanese


def hardest(html: str, *, grade: float = GRADE, words: int = WORDS, signs: int = SIGNS) -> list[str]:
    """What is harder to read than it may be: the whole page by the automated readability index, or one sentence.

    The index needs letters, words and sentences alone: 4.71 letters a word + 0.5 words a sentence − 21.43 = the years
    of school. Japanese has no such index that is agreed on, so that there the length of a sentence is bounded.
    """
    said = sentences(html)
    if Reader(html).of("html")[0].get("lang") == "ja":
        return [f"{len(one)} signs: {one}" for one in said if len(one) > signs]
    counted = [re.findall(r"[A-Za-z0-9$¥%.,'’-]+", one) for one in said]
    found = [f"{len(one)} words: {text}" for one, text in zip(counted, said, strict=True) if len(one) > words]
    every = [word for one in counted for word in one]
    if every:
        letters = sum(len(re.sub(r"[^A-Za-z0-9]", "", word)) for word in every)
        index = 4.71 * letters / len(every) + 0.5 * len(every) / len(said) - 21.43
        found += [f"grade {index:.1f}: {said[0]} …"] if index > grade else []
    return found
