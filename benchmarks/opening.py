"""Opens a shop in the database of the environment, in a process of its own, because a process has one Django.

`python -m benchmarks.opening shop PRODUCTS CASHIERS` and `... messages FROM COUNT`; the answer is one line of JSON.
"""

import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.client import Request
from benchmarks.goods import Item
from benchmarks.scenarios import Person
from pos_backend.local.account import LauncherError
from pos_backend.local.postgres import PROJECT

# Of a long catalogue, so many products that are drawn evenly are known to the tills.
KNOWN = 50_000


@dataclass(frozen=True)
class Opened:
    """`owner` sees everybody's sales, a cashier only the own."""

    items: list[Item]
    cashiers: list[Person]
    owner: Person


def opened(env: Mapping[str, str], products: int, cashiers: int) -> Opened:
    """A new shop in an empty database: its people, and products that the tills know."""
    return read_opened(_asked(env, "shop", products, cashiers))


def read_opened(text: str) -> Opened:
    """What was written down as JSON."""
    found = json.loads(text)
    return Opened(
        [Item(**item) for item in found["items"]],
        [Person(**person) for person in found["cashiers"]],
        Person(**found["owner"]),
    )


def messages(env: Mapping[str, str], first: int, count: int) -> list[Request]:
    """Payments that have begun, numbered from `first`, and the callback that will settle each."""
    return [Request(**message) for message in json.loads(_asked(env, "messages", first, count))]


def _asked(env: Mapping[str, str], *arguments: object) -> str:
    command = [sys.executable, "-m", "benchmarks.opening", *map(str, arguments)]
    done = subprocess.run(command, cwd=PROJECT, env=dict(env), stdout=subprocess.PIPE)
    if done.returncode:
        raise LauncherError(f"The shop could not be opened ({arguments[0]}). See the messages above.")
    return done.stdout.decode()


def _shop(products: int, cashiers: int) -> dict[str, object]:
    from benchmarks import shop

    new = shop.open_shop(products, cashiers)
    # The same ones for the same length of the catalogue.
    known = random.Random(products).sample(new.items, min(KNOWN, len(new.items)))
    return asdict(Opened(known, new.cashiers, new.admin))


def _messages(first: int, count: int) -> list[dict[str, object]]:
    from apps.products.models import Product
    from apps.users.models import User
    from benchmarks import callbacks

    # The first product on the shelves costs what a callback brings.
    product = Product.objects.order_by("pk").values_list("pk", flat=True)[0]
    cashier = User.objects.get(username="cashier1")
    begun = [callbacks.begin(number, product, cashier) for number in range(first, first + count)]
    return [asdict(_request(message.path, message.body)) for message in begun]


def _request(path: str, body: bytes) -> Request:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return Request(f"{head}Content-Length: {len(body)}\r\n", body.decode())


def main(arguments: Sequence[str]) -> None:
    import django

    django.setup()
    what, *numbers = arguments
    make = {"shop": _shop, "messages": _messages}[what]
    print(json.dumps(make(*map(int, numbers))))


if __name__ == "__main__":
    main(sys.argv[1:])
