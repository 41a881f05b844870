"""Daraja's access tokens: how they are handed out, and how each product refuses one."""

import base64
import binascii
from collections.abc import Mapping

from payments.simulator.daraja_fields import error
from payments.simulator.modes import Mode
from payments.simulator.web import Refusal, Reply, Request, json_reply
from payments.simulator.world import TOKEN_LIFE, World

# product: the spelling with which it refuses a token
PRODUCTS = {
    "stk": "token-404",
    "reversal": "token-404",
    "status": "token-400",
    "c2b": "token-400",
    "b2c": "token-echo",
}
FAULT = json_reply(
    {
        "fault": {
            "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, "
            "periodInMicroseconds=60000000, maxBurstMessageCount=1.0}",
            "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
        }
    },
    429,
)


def token(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return error(400, "400.008.01", "Invalid Authentication passed")
    if request.query.get("grant_type") != "client_credentials":
        return error(400, "400.008.02", "Invalid grant type passed")
    try:
        given = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    if given != f"{world.credentials.mpesa_key}:{world.credentials.mpesa_secret}":
        # Production says nothing at all about wrong credentials.
        return Reply(400)
    return json_reply({"access_token": world.mint("mpesa"), "expires_in": str(TOKEN_LIFE["mpesa"])})


def require_token(world: World, request: Request, product: str) -> str:
    """The token of the request. Refuses one that is missing, unknown or expired in the product's own spelling."""
    given = request.bearer()
    if not world.knows_token("mpesa", given):
        raise Refusal(_refusal(PRODUCTS[product], given))
    return given


def token_answer(world: World, mode: Mode, phone: str, given: str) -> None:
    """Refuse a good token when the mode says so."""
    if mode.answer.startswith("token-") and world.refuses_token_once("mpesa", given, phone, mode.refreshable):
        raise Refusal(_refusal(mode.answer, given))


def _refusal(spelling: str, given: str) -> Reply:
    spellings = {
        "token-404": (404, "404.001.03", "Invalid Access Token"),
        "token-401": (401, "404.001.03", "Invalid Access Token"),
        "token-400": (401, "400.003.01", "Invalid Access Token"),
        "token-echo": (401, "401.002.01", f"Error Occurred - Invalid Access Token - {given}"),
        "token-pull": (401, "401.001", "Invalid Access Token"),
        "token-product": (
            401,
            "401.003.01",
            "Error Occurred - Invalid API Call as no apiproduct match found - the app is not subscribed",
        ),
    }
    return error(*spellings[spelling])
