"""The card gateway's addresses, in Paystack's shape, and its hosted page."""

from payments.simulator import hosted_page, paystack_charge, paystack_refund
from payments.simulator.web import Reply, Route, json_reply

ROUTES = (
    Route("POST", "/transaction/initialize", paystack_charge.initialize),
    Route("GET", "/transaction/verify/<reference>", paystack_charge.verify),
    Route("POST", "/refund", paystack_refund.create),
    Route("GET", "/refund", paystack_refund.listed),
    Route("GET", "/refund/<id>", paystack_refund.fetch),
    Route("GET", "/pay/<code>", hosted_page.show),
    Route("POST", "/pay/<code>", hosted_page.act),
)


def nothing_here(known: bool) -> Reply:
    return json_reply(
        {"status": False, "message": "Method not allowed" if known else "Route not found"},
        405 if known else 404,
    )
