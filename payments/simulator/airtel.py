"""Airtel Money's addresses: token, keys, collection, enquiry, refund."""

from collections.abc import Mapping

from payments.simulator import airtel_collection, airtel_refund
from payments.simulator.airtel_answers import envelope, router
from payments.simulator.airtel_checks import require_token, require_where
from payments.simulator.keys import public_key
from payments.simulator.state import east_africa
from payments.simulator.web import NotJson, Reply, Request, Route, json_reply
from payments.simulator.world import TOKEN_LIFE, World


def token(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    try:
        document = request.document()
    except NotJson:
        document = {}
    if document.get("grant_type") != "client_credentials":
        return json_reply(
            {"error_description": "Unsupported grant type", "error": "unsupported_grant_type"}, 400
        )
    given = (document.get("client_id"), document.get("client_secret"))
    if given != (world.credentials.airtel_id, world.credentials.airtel_secret):
        return json_reply(
            {"error_description": "Invalid client authentication", "error": "invalid_client"}, 400
        )
    seconds = TOKEN_LIFE["airtel"]
    as_text = any(c["gateway"] == "airtel" and c["mode"] == "token-text" for c in world.choices.in_force())
    return json_reply(
        {
            "token_type": "bearer",
            "access_token": world.mint("airtel"),
            "expires_in": str(seconds) if as_text else seconds,
        }
    )


def encryption_keys(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    require_token(world, request)
    require_where(request)
    year = int(east_africa("%Y")) + 1
    data = {"key_id": 100, "key": public_key("airtel"), "valid_upto": f"28-02-{year} 21:29:26"}
    return json_reply(envelope(data, response_code="DP02010001001", message="Success"))


ROUTES = (
    Route("POST", "/auth/oauth2/token", token),
    Route("GET", "/v1/rsa/encryption-keys", encryption_keys),
    Route("POST", "/merchant/v1/payments/", airtel_collection.collect),
    Route("POST", "/merchant/v2/payments/", airtel_collection.collect_signed),
    Route("GET", "/standard/v1/payments/<id>", airtel_collection.enquire),
    Route("POST", "/standard/v1/payments/refund", airtel_refund.refund),
)


def nothing_here(known: bool) -> Reply:
    return router("ROUTER110", "Partner not found for the requested resource", 405 if known else 404)
