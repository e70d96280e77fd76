"""The words: plain enough to be read, the same as in the vocabulary, explained where they stand."""

import re

import pytest
from django.http import HttpRequest
from django.template import Context, Template
from django.utils import translation

from portal.templatetags import glossary
from tests.portal.web.reading import Reader, hardest, sentences
from tests.portal.web.stage import ROOT


def test_hard_words_and_long_sentences_are_seen() -> None:
    """Negative control of the test above."""
    hard = "<html lang='en'><p>Notwithstanding considerations, securitisation necessitates unanimity.</p></html>"
    assert "grade" in hardest(hard)[0]
    long = f"<html lang='en'><p>{'we go on ' * 12}and stop.</p></html>"
    assert "38 words" in hardest(long)[0]
    japanese = f"<html lang='ja'><p>{'長い文を書き続けて、' * 9}終わります。</p></html>"
    assert "signs" in hardest(japanese)[0]
    assert sentences("<html lang='en'><p>It costs $1.50. Is it <a>dear</a>?</p><li>A heading</li></html>") == [
        "It costs $1.50.",
        "Is it dear?",
    ]


def test_every_term_is_a_word_of_the_vocabulary() -> None:
    vocabulary = (ROOT / "docs/vocabulary.md").read_text()
    words = {word.strip() for word in re.split(r"[|/（）()\n、]", vocabulary)}
    missing = {
        one.code
        for one in glossary.TERMS.values()
        if not any(part in words for part in re.split(r"[（）]", one.names["ja"]) if part)
    }
    assert missing == set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_word_is_explained_once_a_page_and_without_a_script(language: str) -> None:
    page = Template('{% load glossary %}{% term "leverage" %}{% term "leverage" "again" %}{% term "nav" %}')
    with translation.override(language):
        html = page.render(Context({"request": HttpRequest()}))
    shown = Reader(f"<html lang='{language}'><p>{html}</p></html>")
    targets = [attrs["popovertarget"] for attrs in shown.of("button")]
    assert targets == ["term-leverage", "term-nav"]
    assert [attrs["id"] for attrs in shown.of("span") if "popover" in attrs] == targets
    assert "again" in shown.texts
    assert any("÷" in text or "divided" in text or "割った" in text for text in shown.texts)
