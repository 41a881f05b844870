"""M-Pesa's addresses (Daraja), and what it answers where there is nothing."""

from payments.simulator import daraja_c2b, daraja_initiator, daraja_push, daraja_token
from payments.simulator.daraja_fields import error
from payments.simulator.web import Reply, Route

ROUTES = (
    Route("GET", "/oauth/v1/generate", daraja_token.token),
    Route("POST", "/mpesa/stkpush/v1/processrequest", daraja_push.push),
    Route("POST", "/mpesa/stkpushquery/v1/query", daraja_push.query),
    Route("POST", "/mpesa/c2b/v1/registerurl", daraja_c2b.register),
    Route("POST", "/mpesa/c2b/v2/registerurl", daraja_c2b.register),
    Route("POST", "/mpesa/c2b/v1/simulate", daraja_c2b.simulate),
    Route("POST", "/mpesa/c2b/v2/simulate", daraja_c2b.simulate),
    Route("POST", "/mpesa/reversal/v1/request", daraja_initiator.reversal),
    Route("POST", "/mpesa/transactionstatus/v1/query", daraja_initiator.status),
    Route("POST", "/mpesa/b2c/<version>/paymentrequest", daraja_initiator.b2c),
)


def nothing_here(known: bool) -> Reply:
    if known:
        return error(405, "405.001", "Method Not Allowed")
    return error(404, "404.001.01", "Resource not found")
