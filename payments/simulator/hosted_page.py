"""The card gateway's own page, to which the customer is sent. No card number is ever entered here."""

from collections.abc import Mapping
from html import escape
from string import Template
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from payments.simulator.modes_card import MODES
from payments.simulator.pages import SECURITY, template
from payments.simulator.paystack_bodies import BRANDS
from payments.simulator.paystack_charge import finish
from payments.simulator.state import CardPayment
from payments.simulator.web import Reply, Request, html_reply
from payments.simulator.world import World

ACTS = {"pay": "success", "decline": "failed", "abandon": "abandoned"}
# Modes that a person may choose while paying: those that end in success and take a webhook or verify another way.
VARIANTS = {name: mode for name, mode in MODES.items() if mode.outcome == "success" and not mode.answer}


def show(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    payment = _payment(world, parts["code"])
    if payment is None:
        return _message("This payment does not exist. Perhaps the simulator was started again.", 404)
    if payment.status == "success":
        return _message("This payment has been made already.")
    with world.lock:
        if payment.status == "abandoned":
            payment.status = "ongoing"
    amount = f"{payment.currency} {payment.amount // 100:,}.{payment.amount % 100:02d}"
    page = Template(template("hosted.html")).substitute(
        amount=escape(amount),
        reference=escape(payment.reference),
        email=escape(payment.email),
        brands="".join(_brand(name) for name in BRANDS),
        variants="".join(_option(name, MODES[name].says) for name in VARIANTS if name != "success"),
    )
    return html_reply(page, headers=SECURITY)


def act(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    """Pay, decline or leave, then back to the shop."""
    payment = _payment(world, parts["code"])
    if payment is None:
        return _message("This payment does not exist. Perhaps the simulator was started again.", 404)
    form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
    status, brand = ACTS.get(form.get("act", "")), form.get("brand", "visa")
    if status is None or brand not in BRANDS:
        return _message("The button is not known.", 400)
    finish(world, payment, status, brand, VARIANTS.get(form.get("mode", "")))
    if not payment.callback_url:
        return _message("Done. The shop gave no address to go back to; close this page.")
    return Reply(303, headers={"Location": return_address(payment)})


def return_address(payment: CardPayment) -> str:
    """The shop's address with both names of the reference, as the browser is sent there."""
    parts = urlsplit(payment.callback_url)
    ours = urlencode({"trxref": payment.reference, "reference": payment.reference})
    return urlunsplit(parts._replace(query=f"{parts.query}&{ours}" if parts.query else ours))


def _payment(world: World, code: str) -> CardPayment | None:
    with world.lock:
        return next((p for p in world.state.cards.values() if p.access_code == code), None)


def _message(text: str, status: int = 200) -> Reply:
    page = Template(template("message.html")).substitute(text=escape(text))
    return html_reply(page, status, SECURITY)


def _brand(name: str) -> str:
    checked = " checked" if name == "visa" else ""
    label = f"{name.capitalize()} ending in {BRANDS[name]}"
    radio = f'<input type="radio" name="brand" value="{escape(name)}"{checked}>'
    return f'<label class="brand">{radio} {escape(label)}</label>'


def _option(name: str, says: str) -> str:
    return f'<option value="{escape(name)}">{escape(name)}: {escape(says)}</option>'
