"""The control endpoint under `/_/`: JSON in, JSON out, a sentence and 4xx where something cannot be done."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from payments.simulator import operations
from payments.simulator.operations import Impossible
from payments.simulator.web import Handler, NotJson, Refusal, Reply, Request, Route, json_reply
from payments.simulator.world import World


def failed(sentence: str, status: int) -> Reply:
    return json_reply({"error": sentence}, status)


def nothing_here(known: bool) -> Reply:
    return failed(
        "This address wants another method." if known else "There is nothing here.", 405 if known else 404
    )


def guarded(handler: Handler) -> Handler:
    """Turn what cannot be done into its answer, and keep pages of other sites from asking."""

    def answer(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
        origin = request.headers.get("origin", "")
        if origin and urlsplit(origin).netloc != request.headers.get("host", ""):
            return failed("Pages of other sites may not use the control endpoint.", 403)
        try:
            return handler(world, request, parts)
        except Impossible as error:
            return failed(str(error), error.status)

    return answer


def prompts(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply([operations.prompt_document(p) for p in world.open_prompts()])


def everything(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    """What the page shows, in one answer."""
    with world.lock:
        payments = list(world.state.phone_payments.values())[-100:]
        cards = list(world.state.cards.values())[-50:]
    return json_reply(
        {
            "payments": [operations.prompt_document(p) for p in payments],
            "cards": [operations.card_document(world, c) for c in cards],
            "deliveries": [d.as_document() for d in world.deliveries.all()[-100:]],
            "callbacks": world.deliveries.enabled,
            "chosen": world.choices.in_force(),
        }
    )


def pin(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    given = _document(request)
    payment = operations.enter_pin(world, parts["number"], given.get("pin"), given.get("id"))
    return json_reply(operations.prompt_document(payment))


def answer(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    if parts["answer"] not in ("decline", "ignore"):
        return nothing_here(known=False)
    payment = operations.answer_prompt(world, parts["number"], parts["answer"], _document(request).get("id"))
    return json_reply(operations.prompt_document(payment))


def modes(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply({"modes": operations.mode_table(), "chosen": world.choices.in_force()})


def choose_mode(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    given = _document(request)
    gateway, name = str(given.get("gateway", "")), str(given.get("mode", ""))
    operations.set_mode(world, gateway, name, given.get("phone"), given.get("times"))
    return json_reply({"chosen": world.choices.in_force()})


def callbacks(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply({"enabled": world.deliveries.enabled})


def switch_callbacks(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    enabled = _document(request).get("enabled")
    if not isinstance(enabled, bool):
        return failed("enabled is true or false.", 400)
    world.deliveries.enabled = enabled
    return json_reply({"enabled": enabled})


def line(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply({"lost": world.line.lost, "doubled": world.line.doubled, "delay": world.line.delay})


def set_line(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    given = _document(request)
    lost, doubled, delay = (given.get(name, 0) for name in ("lost", "doubled", "delay"))
    operations.set_line(world, lost, doubled, delay, given.get("seed"))
    return line(world, request, parts)


def requests(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply(list(world.requests))


def deliveries(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply([d.as_document() for d in world.deliveries.all()])


def again(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    if not parts["number"].isdecimal():
        return failed("A delivery is called by its number.", 400)
    return json_reply(operations.send_again(world, int(parts["number"])))


def reset(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    world.reset()
    return json_reply({"reset": True})


def cards(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    return json_reply([operations.card_document(world, card) for card in list(world.state.cards.values())])


def card(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    if parts["act"] not in ("pay", "decline", "abandon"):
        return nothing_here(known=False)
    given = _document(request)
    brand, mode = given.get("brand", "visa"), given.get("mode")
    payment = operations.finish_card(world, parts["reference"], parts["act"], brand, mode)
    return json_reply(operations.card_document(world, payment))


def direct(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    given = _document(request)
    receipt = operations.pay_to_shortcode(
        world, given.get("phone"), given.get("amount"), given.get("account"), given.get("shortcode")
    )
    return json_reply({"receipt": receipt, "accepted": bool(receipt)})


def expire(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    operations.expire_tokens(world, _document(request).get("gateway"))
    return json_reply({"expired": True})


def limit(world: World, request: Request, parts: Mapping[str, str]) -> Reply:
    given = _document(request)
    operations.limit_queries(world, given.get("queries"), given.get("seconds", 60))
    return json_reply({"queries": world.query_limit.count, "seconds": world.query_limit.seconds})


def _document(request: Request) -> dict[str, Any]:
    """The JSON object of the body; an empty body is an empty object."""
    if not request.body.strip():
        return {}
    try:
        return request.document()
    except NotJson as error:
        raise Refusal(failed(str(error), 400)) from None


# method, address, what it does, handler; the README shows the first three.
ADDRESSES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", "/_/prompts/", "the open prompts: gateway, id, phone, amount, account", prompts),
    (
        "POST",
        "/_/phones/<number>/pin/",
        '`{"pin": "1234"}` pays, `0000` is the wrong PIN; `id` names one of several',
        pin,
    ),
    (
        "POST",
        "/_/phones/<number>/<answer>/",
        "`decline`, or `ignore`, which lets the prompt time out at once",
        answer,
    ),
    ("GET", "/_/modes/", "all modes, and those chosen", modes),
    ("POST", "/_/modes/", '`{"gateway", "mode", "phone": null, "times": null}`', choose_mode),
    ("GET", "/_/callbacks/", "whether callbacks are sent", callbacks),
    ("POST", "/_/callbacks/", '`{"enabled": false}` holds all callbacks back', switch_callbacks),
    ("GET", "/_/line/", "how bad the line to the shop is", line),
    (
        "POST",
        "/_/line/",
        '`{"lost": 0.3, "doubled": 0.3, "delay": 300}`: chances, and the longest delay in seconds; `{}` mends it',
        set_line,
    ),
    (
        "GET",
        "/_/requests/",
        "what the gateways were asked and answered, secrets and phones blanked",
        requests,
    ),
    ("GET", "/_/deliveries/", "the callbacks and what the shop answered", deliveries),
    (
        "POST",
        "/_/deliveries/<number>/again/",
        "sends a callback once more, the switch notwithstanding",
        again,
    ),
    ("GET", "/_/cards/", "the card payments", cards),
    (
        "POST",
        "/_/cards/<reference>/<act>/",
        "`pay`, `decline`, `abandon`; `pay` takes `brand` and `mode`",
        card,
    ),
    (
        "POST",
        "/_/direct/",
        '`{"phone", "amount", "account"}`: a customer pays the paybill from the M-Pesa menu',
        direct,
    ),
    ("POST", "/_/tokens/expire/", '`{"gateway": null}`: access tokens expire now', expire),
    (
        "POST",
        "/_/limits/",
        '`{"queries": 5, "seconds": 60}`: STK queries over that get 429; 0 lifts it',
        limit,
    ),
    ("GET", "/_/state/", "everything that the page shows", everything),
    ("POST", "/_/reset/", "forgets everything", reset),
)
ROUTES = tuple(Route(method, path, guarded(handler)) for method, path, _, handler in ADDRESSES)
