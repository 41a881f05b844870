"""The served document as the fuzzer reads it: what its first page says of all input, written into every field."""

from typing import Any

DIGITS = r"^-?[0-9]{1,15}(\.[0-9]{1,20})?$"
# What is taken besides the described type.
ALSO: dict[str, list[dict[str, Any]]] = {
    "integer": [{"type": "string", "pattern": r"^[0-9]{1,18}$"}],
    "number": [{"type": "string", "pattern": DIGITS}],
    "boolean": [{"type": "string"}, {"type": "integer", "enum": [0, 1]}],
    "string": [{"type": "number"}],
}
FORM = "#/definitions/Form-"


def generous(document: dict[str, Any]) -> dict[str, Any]:
    """A copy in which forms take the second spellings, too; answers keep what they promise."""
    forms = {f"Form-{name}": form(part) for name, part in document["definitions"].items()}
    paths = {path: _operations(item) for path, item in document["paths"].items()}
    return {**document, "definitions": {**document["definitions"], **forms}, "paths": paths}


def _operations(item: dict[str, Any]) -> dict[str, Any]:
    return {
        method: part
        if method == "parameters"
        else {**part, "parameters": [_parameter(parameter) for parameter in part["parameters"]]}
        for method, part in item.items()
    }


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    if parameter["in"] == "body":
        return {**parameter, "schema": form(parameter["schema"])}
    if parameter["in"] == "query" and (parameter["type"] == "boolean" or parameter["name"] == "page_size"):
        return {**parameter, "type": "string"}
    # An empty filter is none.
    if parameter["in"] == "query" and "enum" in parameter:
        return {**parameter, "enum": [*parameter["enum"], ""]}
    return parameter


def form(part: Any) -> Any:
    """What a field, a list of fields or a whole body may be."""
    if isinstance(part, list):
        return [form(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {"$ref": part["$ref"].replace("#/definitions/", FORM)}
    if part.get("readOnly"):
        return {}
    inside = {name: _inside(name, value) for name, value in part.items() if name != "example"}
    if "enum" in part or part.get("type") not in ALSO:
        return inside
    nothing = [{"type": "null"}] if inside.pop("x-nullable", False) else []
    return {"anyOf": [inside, *ALSO[part["type"]], *nothing]}


def _inside(name: str, value: Any) -> Any:
    if name == "properties":
        return {field: form(inner) for field, inner in value.items()}
    return form(value) if name in ("items", "allOf") else value
