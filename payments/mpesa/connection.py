"""Calls to Daraja with an access token that all processes share."""

import base64
import hashlib
import logging

from payments.errors import Misconfigured, NotSent, OutcomeUnknown
from payments.http import Answer, HttpClient
from payments.mpesa.answers import check_limit, refusal_of, token_rejected
from payments.mpesa.settings import MpesaSettings
from payments.runtime import AccessToken, Runtime
from payments.values import compact, text_of

logger = logging.getLogger(__name__)

OAUTH = "/oauth/v1/generate"
EARLY_SECONDS = 60
# Used where `expires_in` cannot be read; tokens live about an hour.
UNSTATED_SECONDS = 600
_BAD_CREDENTIALS = (
    "M-Pesa does not accept our credentials. Check MPESA_CONSUMER_KEY, MPESA_CONSUMER_SECRET "
    "and whether they belong to MPESA_ENVIRONMENT."
)


class Connection:
    """One Daraja app. `name` tells it apart from other apps and environments, without a secret in it."""

    def __init__(self, settings: MpesaSettings, runtime: Runtime) -> None:
        identity = f"{settings.base_url}\n{settings.consumer_key}".encode()
        self.name = f"mpesa-{settings.environment}-{hashlib.sha256(identity).hexdigest()[:16]}"
        self._settings = settings
        self._runtime = runtime
        self._client = HttpClient(settings.base_url, "M-Pesa")

    def call(self, path: str, document: dict[str, object]) -> Answer:
        """The answer to `document`, whatever it says.

        A rejected token is renewed once and the call repeated once; it was surely not carried out. Raises
        `RateLimited`, `NotSent` (also when no token can be had), `OutcomeUnknown` and `Misconfigured`.
        """
        body = compact(document)
        token = self._token()
        answer = self._post(path, token, body)
        if token_rejected(answer):
            answer = self._post(path, self._token(rejected=token), body)
            if token_rejected(answer):
                raise Misconfigured(f"M-Pesa refuses a fresh access token. {_BAD_CREDENTIALS}")
        check_limit(answer)
        return answer

    def _post(self, path: str, token: str, body: bytes) -> Answer:
        answer = self._client.post(path, {"Authorization": f"Bearer {token}"}, body)
        if answer.status != 200:
            logger.warning("M-Pesa answered %s %s to %s", answer.status, refusal_of(answer).code or "-", path)
        return answer

    def _token(self, rejected: str = "") -> str:
        return self._runtime.tokens.get(f"{self.name}-token", self._mint, rejected=rejected)

    def _mint(self) -> AccessToken:
        """A new token. Whatever goes wrong here, what needs the token was not sent."""
        pair = f"{self._settings.consumer_key}:{self._settings.consumer_secret}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        try:
            answer = self._client.get(OAUTH, headers, {"grant_type": "client_credentials"})
        except OutcomeUnknown:
            raise NotSent("M-Pesa gave us no access; nothing was sent. Try again.") from None
        check_limit(answer)
        token = answer.document.get("access_token")
        if answer.status == 200 and isinstance(token, str) and _is_plain(token):
            return AccessToken(token, _seconds_of(answer.document.get("expires_in")))
        raise _no_token(answer)


def _is_plain(token: str) -> bool:
    """A token that can stand in a header."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _seconds_of(expires_in: object) -> int:
    """How long a token may be used; Daraja mostly writes the number as text."""
    text = text_of(expires_in, 12)
    seconds = int(text) if text.isascii() and text.isdigit() else UNSTATED_SECONDS
    return max(min(seconds, 86400) - EARLY_SECONDS, 1)


def _no_token(answer: Answer) -> Misconfigured | NotSent:
    # Production answers bad credentials with 400 and an empty body.
    if answer.status in (400, 401):
        return Misconfigured(_BAD_CREDENTIALS)
    if answer.status == 404:
        return Misconfigured("M-Pesa has nothing at this address. Check MPESA_BASE_URL.")
    return NotSent("M-Pesa gives us no access at the moment; nothing was sent. Try again.")
