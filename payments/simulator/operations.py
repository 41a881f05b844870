"""What a person, a test or the page may do in the simulated world, whatever way they ask."""

import re
from typing import Any

import phonenumbers

from payments.simulator import airtel_collection, daraja_push, paystack_charge
from payments.simulator.daraja_c2b import DirectPayment, pay_directly
from payments.simulator.line import Line
from payments.simulator.modes import GATEWAYS, PROMPT, Mode
from payments.simulator.modes_airtel import OUTCOMES
from payments.simulator.modes_mpesa import RESULTS
from payments.simulator.pace import Limit
from payments.simulator.paystack_bodies import BRANDS
from payments.simulator.state import CardPayment, PhonePayment
from payments.simulator.world import TABLES, TOKEN_LIFE, World

WRONG_PIN = "0000"
# What a person's answer is called at each gateway.
ANSWERS = {
    "mpesa": {"pay": "0", "wrong-pin": "2001", "decline": "1032", "ignore": "1037"},
    "airtel": {"pay": "paid", "wrong-pin": "wrong-pin", "decline": "refused", "ignore": "no-pin"},
}


class Impossible(Exception):
    """Asked for something that cannot be done; the text says why."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def national(number: object) -> str:
    """The nine digits of a Kenyan mobile number in any usual form."""
    text = str(number or "").strip()
    text = f"+{text}" if re.fullmatch(r"254\d{9}", text, re.ASCII) else text
    try:
        parsed = phonenumbers.parse(text, "KE")
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.country_code != 254 or not phonenumbers.is_valid_number(parsed):
        raise Impossible(f"{text or 'Nothing'} is not a Kenyan phone number, such as 0700 000 001.")
    return str(parsed.national_number)


def spoken(phone: str) -> str:
    """`254712345678` as `0712 345 678`."""
    return f"0{phone[-9:-6]} {phone[-6:-3]} {phone[-3:]}"


def answer_prompt(world: World, number: object, answer: str, id_: str | None = None) -> PhonePayment:
    """Pay, decline or ignore the oldest open prompt of a phone, or the one with this id."""
    phone = national(number)
    found = [p for p in world.open_prompts() if p.national == phone and id_ in (None, "", p.id)]
    if not found:
        raise Impossible(f"No prompt is open on {spoken(phone)}.", 404)
    payment = found[0]
    outcome = ANSWERS[payment.gateway][answer]
    finish = daraja_push.finish if payment.gateway == "mpesa" else airtel_collection.finish
    if not finish(world, payment, outcome):
        raise Impossible(f"The prompt on {spoken(phone)} has just ended.", 409)
    return payment


def enter_pin(world: World, number: object, pin: object = "1234", id_: str | None = None) -> PhonePayment:
    if not isinstance(pin, str) or not re.fullmatch(r"\d{4}", pin, re.ASCII):
        raise Impossible("A PIN is four digits, given as text. 0000 is the wrong one, all others are right.")
    return answer_prompt(world, number, "wrong-pin" if pin == WRONG_PIN else "pay", id_)


def set_mode(world: World, gateway: str, name: str, number: object = None, times: object = None) -> Mode:
    """From now on: for one phone or all, for all payments or the next `times`."""
    if gateway not in GATEWAYS:
        raise Impossible(f"gateway is one of {', '.join(GATEWAYS)}.")
    mode = world.choices.mode(gateway, name)
    if mode is None:
        raise Impossible(f"{gateway} has no mode {name!r}. GET /_/modes/ lists them.")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise Impossible("times is a whole number from 1 on, or null for all payments from now on.")
    phone = national(number) if number and gateway != "card" else ""
    world.choices.choose(gateway, mode, phone, times)
    return mode


def card(world: World, reference: str) -> CardPayment:
    payment = world.state.cards.get(reference)
    if payment is None:
        raise Impossible(f"No card payment has the reference {reference!r}.", 404)
    return payment


def finish_card(
    world: World, reference: str, act: str, brand: object = "visa", mode: object = None
) -> CardPayment:
    """`pay`, `decline` or `abandon`, as at the hosted page; `mode` chooses how the shop hears of it."""
    payment = card(world, reference)
    status = {"pay": "success", "decline": "failed", "abandon": "abandoned"}[act]
    variant = world.choices.mode("card", str(mode)) if mode else None
    if mode and (variant is None or variant.outcome != "success"):
        raise Impossible(f"card has no mode {mode!r} that ends in a payment.")
    if brand not in BRANDS:
        raise Impossible(f"brand is one of {', '.join(BRANDS)}.")
    if not paystack_charge.finish(world, payment, status, str(brand), variant):
        raise Impossible(f"{reference} has been paid already.", 409)
    return payment


def pay_to_shortcode(
    world: World, number: object, amount: object, account: object = "", shortcode: object = ""
) -> str:
    """A customer pays the paybill or till from the M-Pesa menu. The receipt, or nothing when the shop refused."""
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise Impossible("amount is a whole number of shillings from 1 on.")
    own = world.credentials
    to = str(shortcode or own.mpesa_shortcode)
    if to not in world.state.c2b_addresses:
        raise Impossible(f"{to} has registered no addresses; POST /mpesa/c2b/v2/registerurl first.", 409)
    till = to == own.mpesa_till or own.buys_goods
    typed = "" if till else str(account or "")[:20]
    return pay_directly(world, DirectPayment(to, f"254{national(number)}", str(amount), typed, till))


def send_again(world: World, number: int) -> dict[str, Any]:
    delivery = world.deliveries.number(number)
    if delivery is None:
        raise Impossible(f"There is no delivery {number}.", 404)
    world.deliveries.send(delivery, always=True)
    return delivery.as_document()


def expire_tokens(world: World, gateway: object = None) -> None:
    if gateway is not None and gateway not in TOKEN_LIFE:
        raise Impossible("gateway is mpesa or airtel, or null for both.")
    world.expire_tokens(str(gateway) if gateway else None)


def limit_queries(world: World, count: object, seconds: object = 60) -> None:
    """At most `count` STK queries in `seconds`; 0 lifts the limit."""
    for value in (count, seconds):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise Impossible("queries and seconds are whole numbers from 0 on; 0 queries lifts the limit.")
    world.query_limit = Limit(int(str(count)), float(str(seconds)))


def set_line(world: World, lost: object, doubled: object, delay: object, seed: object = None) -> None:
    """From now on callbacks are lost and doubled by these chances, and come up to `delay` seconds late."""
    for value, most in ((lost, 1), (doubled, 1), (delay, 3600)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise Impossible("lost and doubled are chances from 0 to 1, delay is 0 to 3600 seconds.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise Impossible("seed is a whole number, or null for chance.")
    world.line = Line(float(str(lost)), float(str(doubled)), float(str(delay)), seed)


def prompt_document(payment: PhonePayment) -> dict[str, Any]:
    return {
        "gateway": payment.gateway,
        "id": payment.id,
        "phone": payment.phone,
        "amount": payment.amount,
        "account": payment.account,
        "mode": payment.mode.name,
        "opened": payment.opened.isoformat(timespec="milliseconds"),
        "open": payment.waits_for_person,
        "outcome": payment.outcome,
        "outcome_text": _outcome_text(payment),
        "paid": payment.paid,
        "receipt": payment.receipt,
    }


def card_document(world: World, payment: CardPayment) -> dict[str, Any]:
    return {
        "reference": payment.reference,
        "amount": payment.amount,
        "currency": payment.currency,
        "status": payment.status,
        "decided": payment.decided,
        "mode": payment.mode.name,
        "page": f"/pay/{payment.access_code}",
        "opened": payment.created.isoformat(timespec="milliseconds"),
    }


def mode_table() -> dict[str, list[dict[str, str]]]:
    """Every mode, with the number or address that chooses it."""
    return {
        gateway: [
            {"mode": mode.name, "says": mode.says, "chosen_by": mode.phone(gateway) or mode.email(gateway)}
            for mode in TABLES[gateway].values()
        ]
        for gateway in GATEWAYS
    }


def table_text() -> str:
    """The table of numbers, for a terminal."""
    lines = []
    for gateway, rows in mode_table().items():
        lines.append(f"{gateway}: any other number or address gets `{PROMPT}`")
        lines += [f"  {row['chosen_by'] or '-':<32} {row['mode']:<26} {row['says']}" for row in rows]
    return "\n".join(lines) + "\n"


def _outcome_text(payment: PhonePayment) -> str:
    if not payment.outcome:
        return ""
    if payment.gateway == "mpesa":
        return f"{payment.outcome}: {RESULTS.get(payment.outcome, '')}"
    status, code, _, message = OUTCOMES[payment.outcome]
    return f"{status} {code}: {message}"
