"""Calls to the gateway, and what an answer allows before its contents are looked at."""

from collections.abc import Mapping
from typing import Any

from payments.cards.settings import CardSettings
from payments.errors import Misconfigured, OutcomeUnknown, RateLimited
from payments.http import Answer, HttpClient
from payments.redaction import blank_text
from payments.values import compact, text_of

LABEL = "The card gateway"
NO_CLEAR_ANSWER = "The card gateway gave no clear answer. Its outcome is being found out."


class Connection:
    """One account at the gateway."""

    def __init__(self, settings: CardSettings) -> None:
        self._http = HttpClient(settings.base_url, LABEL)
        self._headers = {"Authorization": f"Bearer {settings.api_key}"}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        return _heard(self._http.get(path, self._headers, query))

    def post(self, path: str, document: Mapping[str, Any]) -> Answer:
        return _heard(self._http.post(path, self._headers, compact(document)))


def _heard(answer: Answer) -> Answer:
    """An answer of the gateway itself. Raises for one of something in front of it, or that refuses us altogether."""
    if answer.status == 429:
        raise RateLimited("The card gateway wants fewer requests. Wait a minute.", answer.retry_after or 60.0)
    if answer.status in (401, 403):
        raise Misconfigured("The card gateway refuses our key. Check PAYMENT_GATEWAY_API_KEY.")
    if answer.status in (404, 405) and not answer.document:
        raise Misconfigured("The card gateway is not at this address. Check PAYMENT_GATEWAY_BASE_URL.")
    # Whoever redirects has had the request in hand.
    if answer.status >= 500 or answer.status == 408 or answer.status // 100 == 3 or not answer.document:
        raise OutcomeUnknown(NO_CLEAR_ANSWER)
    return answer


def data_of(answer: Answer) -> dict[str, Any] | None:
    """The object in a good answer, else None. The `status` beside it only says that the call worked."""
    document = answer.document
    data = document.get("data")
    good = 200 <= answer.status < 300 and document.get("status") is True
    return data if good and isinstance(data, dict) else None


def refused(answer: Answer) -> bool:
    """Whether the gateway understood the request and did not carry it out."""
    return 400 <= answer.status < 500 and answer.document.get("status") is not True


def code_of(answer: Answer) -> str:
    return text_of(answer.document.get("code"), 60) or f"http_{answer.status}"


def words_of(value: Any) -> str:
    """Words of the gateway that may be shown and kept, without a final full stop."""
    return blank_text(text_of(value, 120)).rstrip(". ") or "no reason given"
