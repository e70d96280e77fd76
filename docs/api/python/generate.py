"""Types for Python from the OpenAPI document: `python generate.py schema.json > kakehashi_types.py`."""

import json
import keyword
import re
import sys
from pathlib import Path
from typing import Any

HEAD = '''"""The forms of the API, made from its OpenAPI document by generate.py; not written by hand."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def python(schema: dict[str, Any]) -> str:
    """The type expression of a schema."""
    match schema:
        case {"$ref": reference}:
            return name_of(reference.rpartition("/")[2])
        case {"allOf": [one]}:
            return python(one)
        case {"oneOf": some} | {"anyOf": some}:
            return union(*map(python, some))
        case {"const": value}:
            return f"Literal[{value!r}]"
        case {"enum": values}:
            return f"Literal[{', '.join(map(repr, values))}]"
        case {"type": list(types)}:
            return union(*(python({**schema, "type": one}) for one in types))
        case {"type": "array", "items": items}:
            return f"list[{python(items)}]"
        case {"type": "object", "properties": properties}:
            return inline(properties, schema.get("required", []))
        case {"type": "object", "additionalProperties": dict(inner)}:
            return f"dict[str, {python(inner)}]"
        case {"type": "object"}:
            return "dict[str, Any]"
        case {"type": str(plain)}:
            return PLAIN[plain]
        case _:
            return "Any"


def union(*types: str) -> str:
    return " | ".join(dict.fromkeys(types)) if types else "Any"


def inline(properties: dict[str, Any], required: list[str]) -> str:
    complete = not set(properties) - set(required)
    return f"dict[str, {union(*map(python, properties.values()))}]" if complete else "dict[str, Any]"


def name_of(component: str) -> str:
    return re.sub(r"\W", "_", component)


def declared(name: str, schema: dict[str, Any]) -> str:
    """One component: a TypedDict, or another name for a type."""
    properties, required = schema.get("properties"), schema.get("required", [])
    if properties is None:
        return f"type {name_of(name)} = {python(schema)}"
    fields = {
        field: kind if field in required else f"NotRequired[{kind}]"
        for field, kind in ((field, python(inner)) for field, inner in properties.items())
    }
    if any(keyword.iskeyword(field) or not field.isidentifier() for field in fields):
        inside = ", ".join(f"{field!r}: {kind!r}" for field, kind in fields.items())
        return f"{name_of(name)} = TypedDict({name_of(name)!r}, {{{inside}}})"
    lines = "".join(f"\n    {field}: {kind}" for field, kind in fields.items()) or "\n    pass"
    return f"class {name_of(name)}(TypedDict):{lines}"


def generate(document: dict[str, Any]) -> str:
    """The module's text."""
    components = sorted(document["components"]["schemas"].items())
    return HEAD + "".join(f"\n\n{declared(name, schema)}\n" for name, schema in components)


if __name__ == "__main__":
    sys.stdout.write(generate(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
