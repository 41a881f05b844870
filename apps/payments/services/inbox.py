"""The inbox: a message is kept first, answered at once, and applied afterwards.

What it says is believed only when the gateway's rule of proof holds; otherwise the gateway itself is asked.
Whatever cannot be applied yet is tried again by the worker, and shown to administrators with the reason.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.core import clock
from apps.core.locking import locked_if_free
from apps.core.prepared import Given, PreparedModels, write_changes
from apps.payments.addresses import hash_of
from apps.payments.errors import (
    BadSignature,
    GatewayMisconfigured,
    GatewayNotConfigured,
    UnreadableMessage,
)
from apps.payments.gateways import gateway_for
from apps.payments.models import GatewayCallback
from apps.payments.services.applying import Verdict, apply_notice
from apps.payments.states import FINISHED, CallbackState, Method
from apps.payments.steps import reached
from payments.base import Notice, Route
from payments.base import Status as Said
from payments.errors import BadCallback
from payments.redaction import blank_document, blank_text

# The request that brought the message works on it right after answering; the worker only if that one died.
GRACE = timedelta(seconds=3)
RETRY_SECONDS = (1, 2, 3, 5, 10, 20, 40, 60, 120, 300)
# Which hash Airtel sends is disputed; asking it about one of our payments gives nothing away.
ASK_ANYWAY = (Method.AIRTEL,)
KEEP_TRYING = timedelta(minutes=15)
LEAST_TRIES = 3  # also after the shop was down for longer
STORE = """
    INSERT INTO payments_gatewaycallback AS kept (
        callback_type, route, token_hash, digest, body, authentic, source_address, state, transaction_id, amount,
        phone_number, success, error_message, repeats, received_at, processed_at, next_try_at, tries
    ) VALUES (
        %(callback_type)s, %(route)s, %(token_hash)s, %(digest)s, %(body)s, %(authentic)s, %(source_address)s,
        %(state)s, %(transaction_id)s, %(amount)s, %(phone_number)s, %(success)s, %(error_message)s, 0, %(now)s,
        %(processed_at)s, %(next_try_at)s, 0
    )
    ON CONFLICT (digest) DO UPDATE SET repeats = kept.repeats + 1
    RETURNING id
"""


_DUE = PreparedModels(
    lambda: locked_if_free(GatewayCallback.objects.filter(pk=Given("id"), next_try_at__isnull=False))
)


@dataclass(frozen=True)
class Message:
    """What came in: its bytes, where to, and from where."""

    method: str
    route: Route
    token: str
    headers: Mapping[str, str]
    body: bytes
    source_address: str | None


@dataclass(frozen=True)
class Receipt:
    """The message is kept under `id`; `answer` is what the gateway wants to hear."""

    id: int
    answer: Mapping[str, Any]


def receive(message: Message, now: datetime) -> Receipt:
    """Keeps the message, in one statement, and says what to answer.

    Raises `UnreadableMessage` and `BadSignature`; the message is kept all the same.
    """
    try:
        gateway = gateway_for(message.method)
    except (GatewayNotConfigured, GatewayMisconfigured) as error:
        _keep(message, None, None, error.sentence, now)
        raise
    authentic = gateway.authentic(message.headers, message.body, now)
    try:
        notice = gateway.read(message.route, message.body)
    except BadCallback as error:
        _keep(message, authentic, None, str(error), now)
        raise UnreadableMessage(f"The message cannot be read: {error}") from None
    kept = _keep(message, authentic, notice, "", now)
    reached("callback stored")
    if authentic is False:
        work_item(kept)
        raise BadSignature("The signature does not fit the message.")
    return Receipt(kept, gateway.acknowledgement)


def work_item(item_id: int) -> CallbackState | None:
    """Applies one message, or says on it why not; None when somebody else is at it or nothing is left to do."""
    with transaction.atomic():
        item = _DUE.first(id=item_id)
        if item is None:
            return None
        verdict = _judge(item)
        _write(item, verdict, clock.now())
    reached("callback applied")
    return verdict.state


def put_item_off(item_id: int) -> None:
    """It could not even be tried; the log says why."""
    with transaction.atomic():
        item = _DUE.first(id=item_id)
        if item is not None:
            _write(item, Verdict(CallbackState.WAITING, "It could not be applied; see the log."), clock.now())


def work_payment(payment_id: int) -> None:
    """Messages that came before the gateway's own answer can be matched now."""
    early = GatewayCallback.objects.filter(
        payment_id=payment_id, state=CallbackState.WAITING, next_try_at__isnull=False
    )
    for item_id in early.order_by("id").values_list("id", flat=True):
        work_item(item_id)


def _judge(item: GatewayCallback) -> Verdict:
    gateway = gateway_for(item.callback_type)
    try:
        notice = gateway.read(Route(item.route), bytes(item.body))
    except BadCallback as error:
        return Verdict(CallbackState.REJECTED, str(error))
    return apply_notice(item, notice, gateway, clock.now())


def _write(item: GatewayCallback, verdict: Verdict, now: datetime) -> None:
    item.state = verdict.state
    item.error_message = verdict.why[:500]
    item.tries += 1
    if verdict.state in FINISHED:
        item.processed_at, item.next_try_at = now, None
    elif now - item.received_at > KEEP_TRYING and item.tries >= LEAST_TRIES:
        # Unmatched stays unmatched: that is what the report looks for.
        item.state = CallbackState.PARKED if verdict.state != CallbackState.UNMATCHED else verdict.state
        item.next_try_at = None
    else:
        item.next_try_at = now + timedelta(seconds=RETRY_SECONDS[min(item.tries, len(RETRY_SECONDS)) - 1])
    changed = ("state", "error_message", "tries", "processed_at", "next_try_at", "payment", "refund")
    write_changes(item, changed)


def _keep(
    message: Message, authentic: bool | None, notice: Notice | None, unreadable: str, now: datetime
) -> int:
    body = _blanked(message.body)
    token_hash = hash_of(message.token) if message.token else ""
    finished = notice is None or (authentic is False and message.method not in ASK_ANYWAY)
    why = unreadable or ("The signature does not fit the message." if authentic is False else "")
    with connection.cursor() as cursor:
        cursor.execute(
            STORE,
            {
                "callback_type": message.method,
                "route": message.route.value,
                "token_hash": token_hash,
                "digest": _digest(message, token_hash, authentic),
                "body": body,
                "authentic": authentic,
                "source_address": message.source_address,
                "state": CallbackState.REJECTED if finished else CallbackState.RECEIVED,
                "error_message": why[:500],
                "now": now,
                "processed_at": now if finished else None,
                "next_try_at": None if finished else now + GRACE,
                **_said(notice),
            },
        )
        return int(cursor.fetchone()[0])


def _said(notice: Notice | None) -> dict[str, Any]:
    if notice is None:
        return {"transaction_id": "", "amount": None, "phone_number": "", "success": None}
    claims = {Said.SUCCEEDED: True, Said.DECLINED: False, Said.CANCELLED: False}
    name = notice.gateway_id or notice.reference or notice.result.receipt
    return {
        "transaction_id": blank_document(name)[:128],
        "amount": notice.result.amount,
        "phone_number": blank_document(notice.phone_number)[:40],
        "success": claims.get(notice.result.status),
    }


def _digest(message: Message, token_hash: str, authentic: bool | None) -> str:
    """The same bytes at another address, or with another signature, are another message."""
    place = f"{message.method}|{message.route}|{token_hash}|{authentic}|".encode()
    return hashlib.sha256(place + message.body).hexdigest()


def _blanked(body: bytes) -> bytes:
    """The body without secrets and card numbers; what is no JSON, as a log would show it."""
    try:
        document = json.loads(body)
        blanked = blank_document(document)
        return body if blanked == document else json.dumps(blanked).encode()
    except (ValueError, RecursionError):
        return blank_text(body.decode("latin-1")).encode("latin-1")
