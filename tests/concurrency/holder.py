"""A process that sells with a key and comes to a stop before it commits: what a test can kill in mid transaction.

`python -m tests.concurrency.holder <token> <key> <product>`; it prints `holding` when goods, money and key are taken.
"""

import sys
import time
from typing import Any

from pos_backend.wsgi import application

LONGEST = 30.0


def hold(token: str, key: str, product: str) -> None:
    assert application, "Django is set up by it"
    from rest_framework.test import APIClient

    from apps.sales import services

    sell = services.sell

    def sell_and_hold(*args: Any, **kwargs: Any) -> Any:
        done = sell(*args, **kwargs)
        print("holding", flush=True)  # noqa: T201 - what the test waits for
        time.sleep(LONGEST)
        return done

    services.sell = sell_and_hold
    till = APIClient(headers={"Authorization": f"Token {token}"}, SERVER_NAME="localhost")
    body = {"items": [{"product": int(product), "quantity": 1}], "amount_paid": "116.00"}
    till.post("/api/sales/sales/", body, headers={"Idempotency-Key": key})


if __name__ == "__main__":
    hold(*sys.argv[1:])
