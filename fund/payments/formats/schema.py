"""The registered schema of a bank message, rebuilt from the published classes of pyiso20022 (D34).

pyiso20022 ships no XSD, but the classes it generated from them keep every rule as field metadata: order, occurrence,
patterns, lengths, digits, code lists. One rule is lost, that a group of elements is a *choice*; ISO 20022 names those
types `...Choice`, and `UNNAMED_CHOICES` lists the two that break that habit. Writing the metadata back as an XSD gives
libxml2's validator with line numbers, instead of a tree of objects; the tests hold each rebuilt type against the
registered schema.
"""

from collections.abc import Collection, Iterator
from dataclasses import Field, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from importlib import import_module
from types import ModuleType, NoneType
from typing import Any, get_args, get_origin, get_type_hints

from lxml import etree
from xsdata.models.datatype import XmlDate, XmlDateTime, XmlPeriod

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
XSD = "http://www.w3.org/2001/XMLSchema"
UNNAMED_CHOICES = {"CashAccountType2", "CashBalanceAvailabilityDate1"}
SIMPLE_TYPES: dict[type, str] = {
    str: "string",
    Decimal: "decimal",
    bool: "boolean",
    XmlDate: "date",
    XmlDateTime: "dateTime",
    XmlPeriod: "gYearMonth",
}
FACETS = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "total_digits": "totalDigits",
    "fraction_digits": "fractionDigits",
    "min_inclusive": "minInclusive",
}


def schema(message: str, *, parts: Collection[str] = ()) -> etree.XMLSchema:
    """A fresh compiled schema (20 ms) of `message`, such as "camt.053.001.08". Raises ModuleNotFoundError if unknown.

    Elements named in `parts` can be validated by themselves, and inside another one they may be empty: a message is
    valid when each part is and when the rest is with its parts emptied.
    """
    return etree.XMLSchema(schema_document(message, parts=parts))


def schema_document(message: str, *, parts: Collection[str] = ()) -> etree._Element:
    """The same schema as an XSD document."""
    area, number, variant, version = message.split(".")
    module = import_module(f"pyiso20022.{area}.{area}_{number}_{variant}_{version}")
    namespace = f"{NAMESPACE}{message}"
    root = etree.Element(
        _xsd("schema"), {"targetNamespace": namespace, "elementFormDefault": "qualified"}, {None: namespace, "xs": XSD}
    )
    etree.SubElement(root, _xsd("element"), name="Document", type="Document")
    for name, declared in vars(module).items():
        if isinstance(declared, type) and issubclass(declared, Enum):
            _code_list(root, name, declared)
        elif is_dataclass(declared) and isinstance(declared, type):
            _complex_type(root, name, list(_members(declared, module)))
    for element in root.findall(f".//{_xsd('sequence')}/{_xsd('element')}"):
        if element.get("name") in parts:
            etree.SubElement(root, _xsd("element"), name=element.get("name"), type=element.get("type"))
            element.set("type", "xs:anyType")
    return root


def _members(declared: type[Any], module: ModuleType) -> Iterator[tuple[Field[Any], Any, bool]]:
    """Each field with its bare type and whether it is a list."""
    hints = get_type_hints(declared)
    for member in fields(declared):
        hint = hints[member.name]
        is_list = get_origin(hint) is list
        options = [option for option in get_args(hint) if option is not NoneType]
        yield member, options[0] if options else hint, is_list


def _code_list(root: etree._Element, name: str, codes: type[Enum]) -> None:
    restriction = _restriction(etree.SubElement(root, _xsd("simpleType"), name=name), "string")
    for code in codes:
        etree.SubElement(restriction, _xsd("enumeration"), value=str(code.value))


def _complex_type(root: etree._Element, name: str, members: list[tuple[Field[Any], Any, bool]]) -> None:
    complex_type = etree.SubElement(root, _xsd("complexType"), name=name)
    if any("type" not in member.metadata for member, _, _ in members):
        _amount_type(complex_type, members)
        return
    is_choice = name.endswith("Choice") or name in UNNAMED_CHOICES
    group = etree.SubElement(complex_type, _xsd("choice" if is_choice else "sequence"))
    for member, bare, is_list in members:
        rules = member.metadata
        if rules["type"] == "Wildcard":
            etree.SubElement(group, _xsd("any"), namespace="##any", processContents="lax")
            continue
        element = etree.SubElement(group, _xsd("element"), name=rules["name"])
        if not is_choice and not rules.get("required") and not rules.get("min_occurs"):
            element.set("minOccurs", "0")
        if is_list:
            element.set("maxOccurs", str(rules.get("max_occurs", "unbounded")))
        if bare in SIMPLE_TYPES:
            simple = etree.SubElement(element, _xsd("simpleType"))
            _facets(_restriction(simple, SIMPLE_TYPES[bare]), member)
        else:
            element.set("type", bare.__name__)


def _amount_type(complex_type: etree._Element, members: list[tuple[Field[Any], Any, bool]]) -> None:
    """A value with attributes: the amounts with their currency."""
    name = complex_type.get("name")
    root = complex_type.getparent()
    extension = etree.SubElement(
        etree.SubElement(complex_type, _xsd("simpleContent")), _xsd("extension"), base=f"{name}_Value"
    )
    for member, bare, _ in members:
        if "type" not in member.metadata:
            simple = etree.SubElement(root, _xsd("simpleType"), name=f"{name}_Value")
        else:
            use = "required" if member.metadata.get("required") else "optional"
            attribute = etree.SubElement(extension, _xsd("attribute"), name=member.metadata["name"], use=use)
            simple = etree.SubElement(attribute, _xsd("simpleType"))
        _facets(_restriction(simple, SIMPLE_TYPES[bare]), member)


def _restriction(simple_type: etree._Element, base: str) -> etree._Element:
    return etree.SubElement(simple_type, _xsd("restriction"), base=f"xs:{base}")


def _facets(restriction: etree._Element, member: Field[Any]) -> None:
    for key, facet in FACETS.items():
        if key in member.metadata:
            etree.SubElement(restriction, _xsd(facet), value=str(member.metadata[key]))


def _xsd(tag: str) -> str:
    return f"{{{XSD}}}{tag}"
