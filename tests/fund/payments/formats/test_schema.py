"""The schema rebuilt from pyiso20022 says what the registered XSD says: type by type, and verdict by verdict."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from fund.payments.formats import camt, pain
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.schema import XSD, schema, schema_document
from fund.payments.formats.sound_xml import parts
from tests.fund.payments.formats.bank import SAMPLES, SHARED, needs_shared

pytestmark = needs_shared
XS = f"{{{XSD}}}"
PARTS = ("GrpHdr", "TxDtls", "NtryDtls", "Ntry", "Stmt", "Ntfctn")
SAMPLE_FILES = sorted(SAMPLES.glob("*camt*.xml")) if SAMPLES.is_dir() else []


def registered(message: str) -> etree._Element:
    return etree.parse(SHARED / "iso20022" / "xsd" / f"{message}.xsd").getroot()


def named(root: etree._Element, name: str) -> etree._Element:
    found = [child for child in root if child.get("name") == name and child.tag != f"{XS}element"]
    assert len(found) == 1, name
    return found[0]


def simple(root: etree._Element, declared: etree._Element) -> tuple[Any, ...]:
    """Base type, facets and codes of a simple type, through the names the schema gives it."""
    restriction = declared.find(f"{XS}restriction")
    assert restriction is not None
    base = restriction.get("base").removeprefix("xs:")
    facets = sorted((facet.tag, facet.get("value")) for facet in restriction)
    return base, tuple(facets)


def content(root: etree._Element, element: etree._Element) -> etree._Element:
    inline = element.find(f"{XS}simpleType")
    return named(root, element.get("type")) if inline is None else inline


def differences(
    left: etree._Element, left_type: etree._Element, right: etree._Element, right_type: etree._Element, seen: set[str]
) -> Iterator[str]:
    """Walk both schemas from one type downwards."""
    name = right_type.get("name") or ""
    if left_type.tag != right_type.tag:
        yield f"{name}: {left_type.tag} is not {right_type.tag}"
    elif left_type.tag == f"{XS}simpleType":
        if simple(left, left_type) != simple(right, right_type):
            yield f"{name}: {simple(left, left_type)} is not {simple(right, right_type)}"
    elif name not in seen:
        seen.add(name)
        yield from complex_differences(left, left_type, right, right_type, seen)


def complex_differences(
    left: etree._Element, left_type: etree._Element, right: etree._Element, right_type: etree._Element, seen: set[str]
) -> Iterator[str]:
    extensions = [one.find(f".//{XS}extension") for one in (left_type, right_type)]
    if extensions[0] is not None and extensions[1] is not None:
        values = [
            simple(root, named(root, one.get("base"))) for root, one in zip((left, right), extensions, strict=True)
        ]
        attributes = [one.find(f"{XS}attribute") for one in extensions]
        rules = [(one.get("name"), one.get("use")) for one in attributes]
        codes = [simple(root, content(root, one)) for root, one in zip((left, right), attributes, strict=True)]
        if values[0] != values[1] or rules[0] != rules[1] or codes[0] != codes[1]:
            yield f"{right_type.get('name')}: {values} {rules} {codes}"
        return
    choices = [one.find(f".//{XS}choice") is not None for one in (left_type, right_type)]
    members = [
        [child for child in one.iter() if child.tag in (f"{XS}element", f"{XS}any")] for one in (left_type, right_type)
    ]
    rules = [
        [
            (m.tag, m.get("name"), m.get("minOccurs", "1"), m.get("maxOccurs", "1"), m.get("processContents"))
            for m in side
        ]
        for side in members
    ]
    if choices[0] != choices[1] or rules[0] != rules[1]:
        yield f"{right_type.get('name')}: {choices} {rules}"
        return
    for mine, theirs in zip(*members, strict=True):
        if mine.tag == f"{XS}element":
            yield from differences(left, content(left, mine), right, content(right, theirs), seen)


@pytest.mark.parametrize("message", [*camt.MESSAGES, *pain.ORDERS, *pain.REPORTS])
def test_every_type_is_the_registered_one(message: str) -> None:
    mine, theirs = schema_document(message), registered(message)
    seen: set[str] = set()
    assert list(differences(mine, named(mine, "Document"), theirs, named(theirs, "Document"), seen)) == []
    assert seen == {
        declared.get("name") for declared in theirs.findall(f"{XS}complexType")
    }  # the walk reached them all


def test_a_lost_rule_would_be_seen() -> None:
    mine, theirs = schema_document("camt.053.001.08"), registered("camt.053.001.08")
    for rule in mine.iter(f"{XS}maxLength"):
        if rule.get("value") == "105":
            rule.set("value", "106")
    found = list(differences(mine, named(mine, "Document"), theirs, named(theirs, "Document"), set()))
    assert found


def mutants(root: etree._Element) -> Iterator[etree._Element]:
    """The file with each element missing, doubled, moved, renamed, emptied, overlong or with an attribute too many."""
    for number, _ in enumerate(root.iter(etree.Element)):
        for change in ("drop", "double", "move", "rename", "empty", "long", "attribute", "nil"):
            copy = deepcopy(root)
            element = list(copy.iter(etree.Element))[number]
            parent = element.getparent()
            if change == "rename":
                element.tag = f"{element.tag}x"
            elif change == "empty":
                element.text = ""
            elif change == "long":
                element.text = "7" * 600
            elif change == "attribute":
                element.set("Ccy", "usd")
            elif change == "nil":
                element.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
            elif parent is None:
                continue
            elif change == "drop":
                parent.remove(element)
            elif change == "double":
                element.addnext(deepcopy(element))
            else:
                parent.insert(0, element)
            yield copy


@pytest.mark.parametrize("path", SAMPLE_FILES, ids=lambda path: path.name)
def test_verdicts_agree_with_the_registered_schema(path: Any) -> None:
    root = etree.parse(path).getroot()
    message = etree.QName(root).namespace.rsplit(":", 1)[1]
    judge, mine = etree.XMLSchema(registered(message)), schema(message)
    assert judge.validate(root) and mine.validate(root)
    verdicts = set()
    for number, mutant in enumerate(mutants(root)):
        expected = judge.validate(mutant)
        verdicts.add(expected)
        assert mine.validate(mutant) == expected, judge.error_log or mine.error_log
        if number % 20 == 0:
            assert passes_as_a_stream(etree.tostring(mutant), message) == expected
    assert verdicts == {True, False}


def passes_as_a_stream(data: bytes, message: str) -> bool:
    try:
        for _ in parts(data, message, PARTS):
            pass
    except UnsoundFile as refused:
        return refused.code is not Flaw.SCHEMA
    return True
