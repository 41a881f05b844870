"""One decorator that says everything about an endpoint, for Swagger and ReDoc.

Every status that an endpoint may answer is named at the endpoint; what holds for all of them (401, 503) is added
here once.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils.choices import normalize_choices
from django_filters import ChoiceFilter
from drf_yasg import openapi
from drf_yasg.inspectors import SwaggerAutoSchema
from drf_yasg.utils import no_body, swagger_auto_schema

F = TypeVar("F", bound=Callable[..., Any])

ERROR = openapi.Schema(
    title="Error",
    type=openapi.TYPE_OBJECT,
    required=["error", "code"],
    properties=OrderedDict(
        error=openapi.Schema(type=openapi.TYPE_STRING, description="A sentence for a person."),
        code=openapi.Schema(type=openapi.TYPE_STRING, description="The same for programs."),
    ),
)
INVALID = openapi.Schema(
    title="Invalid",
    type=openapi.TYPE_OBJECT,
    description="The fields that were refused, each with its sentences; or the error shape with a code.",
    additional_properties=True,
    example={"quantity": ["Must be at least 0.001."]},
)
IDEMPOTENCY_KEY = openapi.Parameter(
    "Idempotency-Key",
    openapi.IN_HEADER,
    type=openapi.TYPE_STRING,
    description="Send the request again with the same key and you get the first answer again, byte for byte, "
    "with `Idempotent-Replayed: true`. Kept for at least 24 hours.",
)
IDEMPOTENCY_ERRORS = {
    409: ["idempotency_in_progress"],
    422: ["idempotency_key_reused"],
}
MEANINGS = {
    400: "Not accepted; nothing was changed.",
    401: "No token, or one that is not valid any more.",
    403: "Your role does not allow this.",
    404: "Not there, or not yours to see.",
    409: "The state forbids it; nothing was changed.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The idempotency key was used for another request.",
    429: "Too many attempts; see Retry-After.",
    503: "Busy or restarting; send the same request again (see Retry-After).",
}
READ_ERRORS = (400, 401, 503)
WRITE_ERRORS = (400, 401, 413, 415, 503)


class PosAutoSchema(SwaggerAutoSchema):
    """drf-yasg's description without its guesses: query parameters and statuses are what `documented` says."""

    def get_query_serializer(self) -> None:
        return None

    def get_response_schemas(self, response_serializers: Any) -> Any:
        for response in response_serializers.values():
            schema = getattr(response, "schema", None) if isinstance(response, openapi.Response) else None
            if isinstance(schema, Page):
                response["schema"] = _page_schema(schema, self.serializer_to_schema(schema.row()))
        return super().get_response_schemas(response_serializers)

    def get_request_body_schema(self, serializer: Any) -> Any:
        """A PATCH takes the fields of the form, none of them required."""
        schema = super().get_request_body_schema(serializer)
        if self.method != "PATCH":
            return schema
        form = openapi.resolve_ref(schema, self.components)
        return openapi.Schema(
            type=openapi.TYPE_OBJECT,
            properties=form["properties"],
        )

    def make_body_parameter(self, schema: Any) -> openapi.Parameter:
        """Where no field must be sent, neither must a body."""
        form = (
            openapi.resolve_ref(schema, self.components) if isinstance(schema, openapi.SchemaRef) else schema
        )
        return openapi.Parameter("data", openapi.IN_BODY, required=bool(form.get("required")), schema=schema)

    def add_manual_parameters(self, parameters: list[openapi.Parameter]) -> list[openapi.Parameter]:
        """A filter that takes one of a few values names them."""
        filters = getattr(getattr(self.view, "filterset_class", None), "base_filters", {})
        every: list[openapi.Parameter] = super().add_manual_parameters(parameters)
        for parameter in every:
            known = filters.get(parameter.name)
            if parameter.in_ == openapi.IN_QUERY and isinstance(known, ChoiceFilter):
                parameter.enum = [value for value, _ in normalize_choices(known.extra["choices"])]
        return every

    def get_operation_id(self, operation_keys: list[str] | None = None) -> str:
        """The same address with a token behind it is another operation."""
        name = str(super().get_operation_id(operation_keys))
        return f"{name}_token" if self.path.endswith("{token}/") else name

    def get_pagination_parameters(self) -> list[openapi.Parameter]:
        return []

    def get_filter_parameters(self) -> list[openapi.Parameter]:
        return []


def documented(
    summary: str,
    *,
    description: str = "",
    body: Any = None,
    answers: Mapping[int, Any],
    errors: Mapping[int, Sequence[str]] | None = None,
    statuses: Sequence[int] = (),
    query: Mapping[str, Any] | None = None,
    keyed: bool = False,
    public: bool = False,
    methods: Sequence[str] | None = None,
    produces: Sequence[str] = (),
) -> Callable[[F], F]:
    """Describes a view method. `errors` names the codes behind a status, `statuses` further plain statuses; `produces`
    what is answered besides JSON."""
    responses = _responses(answers, errors or {}, statuses, keyed=keyed, writes=body is not None or keyed)
    if public and 401 not in (errors or {}):
        del responses[401]
    parameters = [_parameter(name, text) for name, text in (query or {}).items()]
    if keyed:
        parameters.append(IDEMPOTENCY_KEY)
    decorate: Callable[[F], F] = swagger_auto_schema(
        methods=methods,
        operation_summary=summary,
        operation_description=description or summary,
        request_body=no_body if body is None else body,
        manual_parameters=parameters,
        responses=responses,
        security=[] if public else [{"Token": []}],
        produces=list(produces),
    )
    return decorate


def _responses(
    answers: Mapping[int, Any],
    errors: Mapping[int, Sequence[str]],
    statuses: Sequence[int],
    *,
    keyed: bool,
    writes: bool,
) -> dict[int, openapi.Response]:
    codes: dict[int, list[str]] = {status: [] for status in (WRITE_ERRORS if writes else READ_ERRORS)}
    for status in statuses:
        codes.setdefault(status, [])
    for source in (errors, IDEMPOTENCY_ERRORS if keyed else {}):
        for status, names in source.items():
            codes.setdefault(status, []).extend(names)
    responses = {status: _success(answer) for status, answer in answers.items()}
    responses.update({status: _refusal(status, names) for status, names in sorted(codes.items())})
    return responses


def _success(answer: Any) -> openapi.Response:
    if isinstance(answer, str):
        return openapi.Response(answer)
    return openapi.Response("Done.", answer)


def _refusal(status: int, codes: Sequence[str]) -> openapi.Response:
    text = MEANINGS.get(status, "Refused.")
    if codes:
        text += " Codes: " + ", ".join(f"`{code}`" for code in dict.fromkeys(codes)) + "."
    return openapi.Response(text, INVALID if status == 400 else ERROR)


def _parameter(name: str, text: Any) -> openapi.Parameter:
    """`text` is the description, (description, type) or (description, the values there are)."""
    description, kind = text if isinstance(text, tuple) else (text, openapi.TYPE_STRING)
    values = None if isinstance(kind, str) else list(kind)
    kind = openapi.TYPE_STRING if values else kind
    return openapi.Parameter(name, openapi.IN_QUERY, description=description, type=kind, enum=values)


PAGE_SIZE = "Rows on a page, at most 200; 50 when it is left out or no number."
PAGE = {
    "page": ("Page number, from 1.", openapi.TYPE_INTEGER),
    "page_size": (PAGE_SIZE, openapi.TYPE_INTEGER),
}
CURSOR = {
    "cursor": "Position of the page, as in `next` and `previous`.",
    "page_size": (PAGE_SIZE, openapi.TYPE_INTEGER),
}


@dataclass(frozen=True)
class Page:
    """A list page of what `row` describes; its schema is made when the document is."""

    name: str
    row: Any
    counted: bool


def page_of(name: str, row: Any, *, counted: bool = False) -> Page:
    """The answer of a list endpoint; `counted` where the page carries `count`."""
    return Page(name, row, counted)


def _page_schema(page: Page, row: Any) -> openapi.Schema:
    properties: OrderedDict[str, Any] = OrderedDict()
    if page.counted:
        properties["count"] = openapi.Schema(type=openapi.TYPE_INTEGER)
        properties["count_is_estimate"] = openapi.Schema(
            type=openapi.TYPE_BOOLEAN, description="True only where there are more than 10,000."
        )
    for link in ("next", "previous"):
        properties[link] = openapi.Schema(type=openapi.TYPE_STRING, format="uri", x_nullable=True)
    properties["results"] = openapi.Schema(type=openapi.TYPE_ARRAY, items=row)
    return openapi.Schema(
        title=f"{page.name}Page", type=openapi.TYPE_OBJECT, properties=properties, required=list(properties)
    )
