"""Calls to Airtel with an access token and, where switched on, a signature."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from payments.airtel.answers import refuse_at_the_door, said
from payments.airtel.codes import UNSIGNED_CODE
from payments.airtel.settings import AirtelSettings
from payments.airtel.signing import public_key, signed_headers
from payments.errors import Misconfigured, NotSent, OutcomeUnknown
from payments.http import Answer, HttpClient
from payments.runtime import AccessToken, Runtime
from payments.values import compact, member, text_of

LABEL = "Airtel Money"
# Tokens live for 180 s; one used in its last seconds would expire on its way.
TOKEN_SECONDS = 180
TOKEN_MARGIN_SECONDS = 15
# Nothing is kept longer, whatever Airtel says.
LONGEST_SECONDS = 3600
KEY_LEAST_SECONDS = 60
# Airtel does not say in which zone `valid_upto` is; Kenya's ends a key three hours before UTC would.
KEY_ZONE = timezone(timedelta(hours=3))
_TOKEN = re.compile(r"[\x21-\x7e]{1,4000}")
_KEY = re.compile(r"[A-Za-z0-9+/=]{1,4000}")


class _TokenRejected(Exception):
    """Airtel no longer takes the access token while we ask for the signing key."""


class Connection:
    """One application at Airtel; the tokens and keys are kept by the runtime."""

    def __init__(self, settings: AirtelSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._http = HttpClient(settings.base_url, LABEL)
        self._token_name = f"airtel-token:{settings.identity}"
        self._key_name = f"airtel-key:{settings.identity}"

    def push(self, body: bytes) -> Answer:
        """Send `body` as it is, signed where the application wants it."""
        if not self._settings.message_signing:
            return self.post("/merchant/v1/payments/", body)
        key = self._signing_key()
        answer = self._push_signed(body, key)
        if said(answer.document).response_code == UNSIGNED_CODE:
            # Airtel changed its key and has not looked at the request.
            answer = self._push_signed(body, self._signing_key(rejected=key))
        return answer

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self._authorised(
            lambda token: self._http.post(path, {**self._headers(token), **(headers or {})}, body)
        )

    def get(self, path: str) -> Answer:
        return self._authorised(lambda token: self._http.get(path, self._headers(token)))

    def _push_signed(self, body: bytes, key: str) -> Answer:
        return self.post("/merchant/v2/payments/", body, {**signed_headers(body, public_key(key))})

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "*/*",
            "X-Country": self._settings.country,
            "X-Currency": self._settings.currency,
        }

    def _authorised(self, call: Callable[[str], Answer]) -> Answer:
        """The answer to `call` with a token, made once more when Airtel refused the token unread."""
        token = self._token()
        answer = call(token)
        if _token_rejected(answer):
            answer = call(self._token(rejected=token))
        if _token_rejected(answer):
            raise NotSent("Airtel Money refuses the access it has just granted. Try again later.")
        return answer

    def _token(self, rejected: str = "") -> str:
        return self._runtime.tokens.get(self._token_name, self._mint_token, rejected=rejected)

    def _mint_token(self) -> AccessToken:
        answer = self._prepare(
            lambda: self._http.post("/auth/oauth2/token", {"Accept": "*/*"}, self._login())
        )
        document = answer.document
        if document.get("error") == "invalid_client":
            raise Misconfigured(
                "Airtel Money refuses our credentials. Check AIRTEL_CLIENT_ID and AIRTEL_CLIENT_SECRET."
            )
        refuse_at_the_door(answer)
        token = document.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise NotSent("Airtel Money grants no access at the moment. Try again, or take another method.")
        return AccessToken(token, max(_lifetime(document.get("expires_in")) - TOKEN_MARGIN_SECONDS, 0))

    def _login(self) -> bytes:
        credentials = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "grant_type": "client_credentials",
        }
        return compact(credentials)

    def _signing_key(self, rejected: str = "") -> str:
        """Airtel's RSA key. The access token is taken outside, so that no two locks are ever nested."""
        token = self._token()
        try:
            return self._kept_key(token, rejected)
        except _TokenRejected:
            token = self._token(rejected=token)
        try:
            return self._kept_key(token, rejected)
        except _TokenRejected:
            raise NotSent("Airtel Money refuses the access it has just granted. Try again later.") from None

    def _kept_key(self, token: str, rejected: str) -> str:
        return self._runtime.tokens.get(self._key_name, lambda: self._fetch_key(token), rejected=rejected)

    def _fetch_key(self, token: str) -> AccessToken:
        answer = self._prepare(lambda: self._http.get("/v1/rsa/encryption-keys", self._headers(token)))
        if _token_rejected(answer):
            raise _TokenRejected
        refuse_at_the_door(answer)
        key = member(answer.document, "data", "key")
        if answer.status != 200 or not isinstance(key, str) or not _KEY.fullmatch(key):
            raise NotSent("Airtel Money hands out no key for signing at the moment. Try again later.")
        return AccessToken(key, self._key_seconds(member(answer.document, "data", "valid_upto")))

    def _key_seconds(self, valid_upto: Any) -> float:
        try:
            until = datetime.strptime(text_of(valid_upto), "%d-%m-%Y %H:%M:%S").replace(tzinfo=KEY_ZONE)
        except ValueError:
            return KEY_LEAST_SECONDS
        left = (until - self._runtime.now()).total_seconds() - KEY_LEAST_SECONDS
        return min(max(left, KEY_LEAST_SECONDS), LONGEST_SECONDS)

    def _prepare(self, call: Callable[[], Answer]) -> Answer:
        """A call that only prepares: whatever becomes of it, no payment was sent."""
        try:
            return call()
        except OutcomeUnknown as error:
            raise NotSent("Airtel Money does not answer. Try again, or take another method.") from error


def _token_rejected(answer: Answer) -> bool:
    return answer.status in (401, 403) and answer.document.get("error") == "invalid_token"


def _lifetime(expires_in: Any) -> int:
    """Seconds, which come as a number or as text."""
    text = text_of(expires_in)
    return min(int(text), LONGEST_SECONDS) if re.fullmatch(r"[0-9]{1,9}", text) else TOKEN_SECONDS
