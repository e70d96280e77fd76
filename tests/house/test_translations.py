"""The Japanese is complete, and the check that says so can tell."""

import io
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.house import translations


def test_every_message_has_its_japanese() -> None:
    found = translations.faults(translations.read_catalogue(), translations.used())
    assert found == [], "\n".join(found[:50])


def test_messages_of_code_and_of_the_languages_setting_are_found() -> None:
    assert "e-mail address" in {message for _, _, message, _ in translations.used()}


def test_the_check_notices_missing_fuzzy_and_broken_japanese() -> None:
    catalogue = Catalog(locale="ja")
    catalogue.add("Order", "")
    catalogue.add("Price", "価格", flags=["fuzzy"])
    catalogue.add("Hello %(name)s", "こんにちは、%(nama)sさん")
    catalogue.add("Fund", "ファンド")
    messages = [("a.py", 1, text, None) for text in ("Absent", "Order", "Price", "Hello %(name)s", "Fund")]
    assert translations.faults(catalogue, messages) == [
        "a.py:1: no Japanese for 'Absent'",
        "a.py:1: no Japanese for 'Order'",
        "a.py:1: the Japanese for 'Price' is marked fuzzy",
        "a.py:1: the Japanese for 'Hello %(name)s' has other placeholders",
    ]


def test_a_template_is_read_with_its_plurals_and_contexts() -> None:
    source = (
        '{% load i18n %}<p class="it\'s">{% translate "One word" %}</p>{% trans "May" context "month" %}'
        "{% blocktranslate count n=n %}{{ n }} order{% plural %}{{ n }} orders{% endblocktranslate %}"
    )
    assert translations.read_template(source, "page.html") == [
        (1, "One word", None),
        (1, "May", "month"),
        (1, ("%(n)s order", "%(n)s orders"), None),
    ]


# Said otherwise than the admin says it, on purpose: its pages may say it as well.
OWN_WORDS = {"Added:", "Documentation", "English", "Filter", "History", "None", "Order", "Remove", "Run", "Save",
             "Your password was changed."}  # fmt: skip


def overruled(ours: Catalog) -> set[str]:
    """The messages of Django and its admin that our catalogue, which comes before theirs, says otherwise."""
    found = set()
    for app in ("conf", "contrib/admin"):
        file = Path(django.__file__).parent / app / "locale/ja/LC_MESSAGES/django.po"
        for message in read_po(io.BytesIO(file.read_bytes())):
            mine = ours.get(message.id) if isinstance(message.id, str) and message.id and not message.context else None
            if mine is not None and message.string and mine.string != message.string:
                found.add(str(message.id))
    return found


def test_a_word_of_ours_changes_no_page_of_the_admin_unseen() -> None:
    catalogue = translations.read_catalogue()
    assert overruled(catalogue) == OWN_WORDS
    catalogue.add("All", "全期間")
    assert overruled(catalogue) == OWN_WORDS | {"All"}, "negative control"
