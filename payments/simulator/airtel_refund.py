"""Airtel's refund: the whole payment, named by `airtel_money_id`; nothing of ours travels with it."""

from collections.abc import Mapping
from dataclasses import replace

from payments.simulator import airtel_answers as answers
from payments.simulator import airtel_checks as checks
from payments.simulator.modes import Mode
from payments.simulator.state import PhonePayment, new_airtel_id
from payments.simulator.web import BAD_GATEWAY, DROPPED, Refusal, Reply, Request, json_reply
from payments.simulator.world import World


def refund(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    checks.require_token(world, request)
    checks.require_where(request)
    transaction = checks.document_of(request).get("transaction")
    receipt = transaction.get("airtel_money_id") if isinstance(transaction, dict) else None
    if not isinstance(receipt, str) or not receipt:
        raise Refusal(answers.refused("Invalid/Missing airtel_money_id", "ESB000008", code=400))
    payment = world.state.phone_payments.get(world.state.airtel_receipts.get(receipt, ""))
    if payment is None:
        raise Refusal(answers.NOT_FOUND)
    mode = world.choices.take_refund("airtel", payment.national, payment.mode)
    if mode.refund == "html":
        return BAD_GATEWAY
    if mode.refund == "failed":
        return answers.refused("Refund failed", "ESB000011", "", "500")
    payment.mode = replace(payment.mode, refund=mode.refund)
    _begin(world, payment)
    return _answer(mode, receipt)


def _begin(world: World, payment: PhonePayment) -> None:
    """The money goes back some time after the answer."""
    with world.lock:
        if payment.id in world.state.refunds_begun:
            # What Airtel says to a second refund is not known; this much is: it is not made.
            raise Refusal(answers.refused("Transaction has already been refunded", "ESB000011", "", "500"))
        world.state.refunds_begun.add(payment.id)

    def act() -> None:
        payment.refunded = True

    world.later.after(world.pace.act, act)


def _answer(mode: Mode, receipt: str) -> Reply:
    if mode.refund in ("408", "dropped"):
        return answers.IO_EXCEPTION if mode.refund == "408" else DROPPED
    same = mode.refund == "same"
    data = {"transaction": {"airtel_money_id": receipt if same else new_airtel_id(), "status": "SUCCESS"}}
    return json_reply(answers.envelope(data, "DP00800001006" if same else ""))
