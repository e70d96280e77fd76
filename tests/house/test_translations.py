"""The Japanese is complete, and the check that says so can tell."""

from babel.messages.catalog import Catalog

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
