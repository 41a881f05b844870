"""What every answer to the fuzzer must be: no bug, as described, and the contract's when it is a refusal."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks as described

from tests.contract.world import flaw

# The gateways cannot be reached here.
NO_GATEWAY = {"gateway_unreachable", "gateway_misconfigured", "gateway_not_configured"}


class _Answer:
    """What `flaw` looks at."""

    def __init__(self, response: Any) -> None:
        self.status_code = response.status_code
        self.content = response.content
        self._headers = response.headers

    def __getitem__(self, name: str) -> str:
        return str(self._headers[name.lower()][0])

    def json(self) -> Any:
        return json.loads(self.content)


def no_bug(ctx: Any, response: Any, case: Any) -> bool | None:
    """503 says the truth where a gateway was needed."""
    if response.status_code == 503 and _Answer(response).json().get("code") in NO_GATEWAY:
        return None
    return not_a_server_error(ctx, response, case)


def media_type(ctx: Any, response: Any, case: Any) -> bool | None:
    """Nothing has no type."""
    return None if response.status_code == 204 else described.content_type_conformance(ctx, response, case)


def wrong_is_refused(ctx: Any, response: Any, case: Any) -> bool | None:
    """Headers apart: of two that are described one is set by the tests, and any text is a key."""
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER):
        return None
    if (
        case.meta is not None
        and case.meta.is_negative_at(ParameterLocation.QUERY)
        and _emptied(case, response)
    ):
        return None
    return described.negative_data_rejection(ctx, response, case)


def _emptied(case: Any, response: Any) -> bool:
    """Whether all that was wrong with the query is gone on the wire, where an empty list or object is an empty text.

    As the document says, an empty filter is as good as none, and so is an unknown `page_size`. Of several values under
    one name the last counts.
    """
    parameters = case.operation.definition.raw.get("parameters", [])
    described = {one["name"]: one for one in parameters if one.get("in") == "query"}
    sent = dict(parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True))
    filled = {name: value for name, value in sent.items() if value and name != "page_size"}
    return len(filled) < len(sent) and all(
        _fits(described.get(name, {}), value) for name, value in filled.items()
    )


def _fits(described: dict[str, Any], value: str) -> bool:
    kind = described.get("type")
    if kind == "integer":
        return value.isdecimal()
    return (
        value in ("true", "false")
        if kind == "boolean"
        else "enum" not in described or value in described["enum"]
    )


def contract_shape(ctx: Any, response: Any, case: Any) -> bool | None:
    """Every refusal is the contract's, whatever refused it."""
    wrong = flaw(_Answer(response), case.method) if 400 <= response.status_code < 500 else ""
    assert not wrong, f"{response.status_code} {wrong}: {response.content[:200]!r}"
    return None


load_all_checks()
CHECKS = [
    no_bug,
    described.status_code_conformance,
    media_type,
    described.response_headers_conformance,
    described.response_schema_conformance,
    wrong_is_refused,
    described.missing_required_header,
    described.unsupported_method,
    described.ignored_auth,
    contract_shape,
]
