"""What one message to a webhook does: the rules of proof. Call inside a transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q

from apps.core.prepared import AnyOf, Given, PreparedModels
from apps.payments.models import GatewayCallback, Payment, Refund
from apps.payments.services.locks import lock_payment
from apps.payments.services.outcomes import Source, bring, schedule_query
from apps.payments.services.refunds import apply_refund_result
from apps.payments.states import SETTLED, UNCLEAR, CallbackState, Method, RefundStatus, Status, receipt_text
from apps.sales.models import Sale
from payments.base import About, Gateway, Notice, Result
from payments.base import Status as Said

Look = Callable[[GatewayCallback, Notice], Payment | Refund | None]
CALLBACK = Source("callback")
# As long as the call that begins the payment may take, its answer is waited for.
OWN_ANSWER = timedelta(seconds=45)


@dataclass(frozen=True)
class Verdict:
    """What became of the message, and why it was not simply applied."""

    state: CallbackState
    why: str = ""


APPLIED = Verdict(CallbackState.APPLIED)
REPEATED = Verdict(CallbackState.REPEATED)


def apply_notice(item: GatewayCallback, notice: Notice, gateway: Gateway, now: datetime) -> Verdict:
    """Finds what the message is about, and applies it as far as it is proven."""
    if notice.about is About.OTHER:
        return _about_something_else(item, notice)
    found = _named_by(item, notice)
    if found is None:
        return Verdict(CallbackState.UNMATCHED, "It names nothing that this shop began.")
    if isinstance(found, Refund):
        item.refund, item.payment = found, found.payment
        return _about_refund(item, found, notice, gateway, now)
    item.payment = payment = found
    if notice.about is About.REFUND:
        return _about_some_refund(payment, notice, now)
    if notice.about is About.RECEIPT:
        return _about_receipt(item, payment, notice, now)
    return _about_payment(item, payment, notice, gateway, now)


_PAYMENT_BY_TOKEN = PreparedModels(
    lambda: Payment.objects.filter(method=Given("method"), token_hash=Given("token_hash")).exclude(
        token_hash=""
    )
)
_PAYMENT_BY_NAME = PreparedModels(
    lambda: Payment.objects.filter(
        Q(AnyOf("gateway_id", Given("names"))) | Q(AnyOf("transaction_reference", Given("names"))),
        method=Given("method"),
    ).order_by("pk")
)


def _named_by(item: GatewayCallback, notice: Notice) -> Payment | Refund | None:
    """By our own token, or by the name that the gateway knows; the token wins.

    A token names one thing, and mostly a payment, so that is looked for first, except where a refund is spoken of.
    """
    looks: tuple[Look, ...] = (_payment_by_token, _refund_of, _payment_by_name)
    if notice.about is About.REFUND:
        looks = (_refund_of, _payment_by_token, _payment_by_name)
    return next((found for look in looks if (found := look(item, notice))), None)


def _payment_by_token(item: GatewayCallback, _: Notice) -> Payment | None:
    if not item.token_hash:
        return None
    return _PAYMENT_BY_TOKEN.first(method=item.callback_type, token_hash=item.token_hash)


def _payment_by_name(item: GatewayCallback, notice: Notice) -> Payment | None:
    names = [name for name in {notice.gateway_id, notice.reference} if name]
    return _PAYMENT_BY_NAME.first(method=item.callback_type, names=names) if names else None


def _refund_of(item: GatewayCallback, notice: Notice) -> Refund | None:
    refunds = Refund.objects.select_related("payment").filter(method=item.callback_type)
    if item.token_hash and (found := refunds.filter(token_hash=item.token_hash).first()):
        return found
    if notice.about is not About.REFUND or not notice.gateway_id:
        return None
    return refunds.filter(gateway_id=notice.gateway_id).first()


def _about_payment(
    item: GatewayCallback, payment: Payment, notice: Notice, gateway: Gateway, now: datetime
) -> Verdict:
    ours = _token_holds(item, payment) and gateway.capabilities.callback_is_proof
    if not ours:
        return _ask(payment, now, "It proves nothing by itself; the gateway is asked.")
    sale, payment = lock_payment(payment.pk, payment.sale_id)
    if not payment.gateway_id:
        return _before_our_answer(payment, notice, now)
    if notice.gateway_id != payment.gateway_id or _contradicts(payment, notice):
        _ask(payment, now, "")
        return Verdict(CallbackState.REJECTED, "It names another transaction than the one we began.")
    if notice.result.status is Said.SUCCEEDED and notice.result.amount != payment.amount:
        _ask(payment, now, "")
        return Verdict(
            CallbackState.REJECTED,
            f"It says {notice.result.amount or 'no amount'}, asked for was {payment.amount}.",
        )
    if payment.metadata.get("adopted") == notice.gateway_id and payment.status not in SETTLED:
        return _adopted(payment, notice, now)
    return _apply(sale, payment, notice.result, now)


def _contradicts(payment: Payment, notice: Notice) -> bool:
    """Whether the message differs in anything else that the gateway told us when the payment began."""
    if payment.status in SETTLED:
        return False
    known = payment.metadata.get("gateway", {})
    return any(known.get(name, said) != said for name, said in notice.result.details.items())


def _apply(sale: Sale, payment: Payment, result: Result, now: datetime) -> Verdict:
    before = (payment.status, payment.external_reference, payment.attention)
    if result.status is not Said.SUCCEEDED:
        # What a failure says besides must not be held against the success that may follow.
        result = replace(result, details={})
    bring(sale, payment, result, source=CALLBACK, now=now)
    changed = (payment.status, payment.external_reference, payment.attention) != before
    if payment.attention and payment.attention != before[2]:
        return Verdict(CallbackState.APPLIED, payment.attention)
    return APPLIED if changed else REPEATED


def _before_our_answer(payment: Payment, notice: Notice, now: datetime) -> Verdict:
    """The message has overtaken the answer to our own request, or that answer never came.

    In the first case the answer will name the transaction, and the message is matched then. In the second the
    message is the only one to name it: that name is adopted, and the gateway asked about it.
    """
    unclear = payment.error_code == UNCLEAR
    if not unclear and now - payment.initiated_at < OWN_ANSWER:
        return Verdict(CallbackState.WAITING, "It came before the gateway's answer to our own request.")
    taken = Payment.objects.filter(method=payment.method, gateway_id=notice.gateway_id).exists()
    if not notice.gateway_id or taken:
        return Verdict(CallbackState.REJECTED, "It names no transaction that could be this one.")
    payment.gateway_id = notice.gateway_id
    payment.metadata = {**payment.metadata, "adopted": notice.gateway_id}
    payment.save(update_fields=["gateway_id", "metadata"])
    return _adopted(payment, notice, now)


def _adopted(payment: Payment, notice: Notice, now: datetime) -> Verdict:
    """Only the gateway's own answer settles; the receipt of this message counts after it has."""
    if payment.status in (Status.FAILED, Status.CANCELLED) and notice.result.status is not Said.SUCCEEDED:
        return REPEATED
    _ask(payment, now, "")
    return Verdict(CallbackState.WAITING, "The gateway is asked about the transaction that it names.")


def _ask(payment: Payment, now: datetime, why: str) -> Verdict:
    if payment.status in SETTLED:
        return Verdict(CallbackState.REPEATED, "The payment is settled already.")
    schedule_query(payment.pk, now)
    wake_worker(payment.method)
    return Verdict(CallbackState.ASKED, why)


def _about_receipt(item: GatewayCallback, payment: Payment, notice: Notice, now: datetime) -> Verdict:
    """The answer to our question for a missing receipt."""
    if not _token_holds(item, payment):
        return Verdict(CallbackState.REJECTED, "Nobody asked for this receipt.")
    result = notice.result
    if result.status is not Said.SUCCEEDED or result.amount != payment.amount or not result.receipt:
        return Verdict(CallbackState.REJECTED, "It does not describe the payment that was asked about.")
    sale, payment = lock_payment(payment.pk, payment.sale_id)
    if payment.status not in SETTLED:
        return _ask(payment, now, "It proves nothing by itself; the gateway is asked.")
    return _apply(sale, payment, Result(Said.SUCCEEDED, receipt=result.receipt), now)


def _about_refund(
    item: GatewayCallback, refund: Refund, notice: Notice, gateway: Gateway, now: datetime
) -> Verdict:
    proven = (
        gateway.capabilities.callback_is_proof
        and bool(item.token_hash)
        and item.token_hash == refund.token_hash
        and _from_gateway(item)
    )
    # The answer to a question names the transaction that was asked about, not the refund's own conversation.
    asked_for = notice.about is About.RECEIPT
    known = asked_for or not refund.gateway_id or notice.gateway_id in ("", refund.gateway_id)
    if not (proven and known):
        return _ask_refund(refund, now)
    result = notice.result
    if notice.about is About.RECEIPT:
        result = _status_of_refund(refund, notice)
    elif result.status is Said.SUCCEEDED and result.amount not in (None, refund.amount):
        return Verdict(CallbackState.REJECTED, f"It says {result.amount}, refunded was {refund.amount}.")
    before = (refund.status, refund.external_reference)
    after = apply_refund_result(refund.pk, result, now=now)
    if result.status in (Said.UNKNOWN, Said.PENDING):
        return Verdict(CallbackState.APPLIED, result.message or "Its outcome is not known yet.")
    return APPLIED if (after.status, after.external_reference) != before else REPEATED


def _status_of_refund(refund: Refund, notice: Notice) -> Result:
    """The status of a transaction, read as the outcome of the refund that it belongs to.

    Asked about by our own id it is the refund itself; asked about by the receipt it is the original payment,
    which only says `Reversed` when the refund was made.
    """
    word = notice.result.details.get("transaction_status", "").lower()
    original = receipt_text(notice.result.receipt) == (refund.payment.external_reference or "")
    if word == "reversed" and original:
        return Result(Said.SUCCEEDED, code="reversed")
    if notice.result.status is Said.SUCCEEDED and not original and notice.result.amount == refund.amount:
        return Result(Said.SUCCEEDED, receipt=notice.result.receipt)
    return Result(Said.UNKNOWN, notice.result.code, f"The gateway calls the transaction {word or 'nothing'}.")


def _about_some_refund(payment: Payment, notice: Notice, now: datetime) -> Verdict:
    """The message names the payment only; the refund that is under way is asked about."""
    refund = Refund.objects.filter(payment=payment, status=RefundStatus.PROCESSING).first()
    if refund is None:
        refund = Refund.objects.filter(payment=payment, method=payment.method).order_by("-id").first()
        if refund is None:
            return Verdict(CallbackState.UNMATCHED, "It tells of a refund that this shop did not ask for.")
    return _ask_refund(refund, now)


def _ask_refund(refund: Refund, now: datetime) -> Verdict:
    if refund.status == RefundStatus.COMPLETED:
        return REPEATED
    open_ended = (RefundStatus.PROCESSING, RefundStatus.FAILED)
    Refund.objects.filter(pk=refund.pk, sent_at__isnull=False, status__in=open_ended).update(
        next_query_at=now
    )
    wake_worker(refund.method)
    return Verdict(CallbackState.ASKED, "It proves nothing by itself; the gateway is asked.")


def _about_something_else(item: GatewayCallback, notice: Notice) -> Verdict:
    """Nothing to apply. A dispute is for a person, and put on its payment."""
    item.payment = _payment_by_token(item, notice) or _payment_by_name(item, notice)
    if item.payment is not None and "dispute" in notice.result.code:
        text = f"The customer disputes this payment ({notice.result.code}). Answer it at the gateway."
        _, payment = lock_payment(item.payment.pk)
        payment.attention = text[:300]
        payment.metadata = {**payment.metadata, "dispute": text}
        payment.save(update_fields=["attention", "metadata"])
        return Verdict(CallbackState.APPLIED, text)
    return Verdict(CallbackState.IGNORED, "Nothing that changes a payment or refund.")


def _token_holds(item: GatewayCallback, payment: Payment) -> bool:
    return bool(item.token_hash) and item.token_hash == payment.token_hash and _from_gateway(item)


def _from_gateway(item: GatewayCallback) -> bool:
    """Where the shop has listed the gateway's addresses, others prove nothing."""
    allowed = settings.MPESA_CALLBACK_IPS if item.callback_type == Method.MPESA else ()
    return not allowed or str(item.source_address) in allowed


def wake_worker(method: str) -> None:
    """The worker looks at once instead of at its next round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('payments_work', %s)", [method])
