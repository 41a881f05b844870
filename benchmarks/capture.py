"""Writes down what the shop says to PostgreSQL, as scripts for pgbench: `python -m benchmarks.capture FOLDER COUNT`.

The lookup and the checkout of 5 lines are done `COUNT` times each in this process, and every statement is kept as it
was sent. What must differ when a script is played again and again (the key, the sale's id, its receipt number) becomes
a variable. It needs a database that may be thrown away, because played scripts repeat the stock of the first time.
"""

import json
import random
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import django

KEY = "bench-key"
# Where the numbers of new rows begin, so that none is mistaken for another number in the same statement.
FIRST = {"sales_sale": 8 * 10**12, "core_idempotencykey": 7 * 10**12}
FIRST_RECEIPT = 6 * 10**12
# The table that a statement inserts into, and the variables that keep what comes back.
GIVES = {"sales_sale": "sale_", "core_idempotencykey": "claim_", "sales_receiptcounter": "receipt_"}
_TABLE = re.compile(r'\s*INSERT INTO "?(\w+)', re.IGNORECASE)


def main(folder: Path, count: int) -> None:
    django.setup()
    from apps.products.models import Product

    codes = list(Product.objects.values_list("id", "barcode")[: 10 * count])
    _begin_high()
    ask = _till()
    chance = random.Random(count)
    for number in range(count):
        lookup = _heard(lambda: ask("get", f"/api/products/barcode/{chance.choice(codes)[1]}/"))
        (folder / f"lookup{number}.sql").write_text(_script(lookup, {}))
        basket = [{"product": code[0], "quantity": 2} for code in chance.sample(codes, 5)]
        (folder / f"checkout{number}.sql").write_text(_checkout(ask, basket, f"{KEY}-{number}-"))


def _begin_high() -> None:
    from django.db import connection
    from django.utils import timezone

    with connection.cursor() as cursor:
        for table, first in FIRST.items():
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, first])
        cursor.execute(
            "INSERT INTO sales_receiptcounter (id, last, taken_at) VALUES (1, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET last = excluded.last",
            [FIRST_RECEIPT, timezone.now()],
        )


def _till() -> Callable[..., Any]:
    """Asks as somebody who has just signed in."""
    from django.test import Client

    from apps.users.models import User

    password = secrets.token_urlsafe(16)
    User.objects.create_user("pgbench", password, role=User.Role.CASHIER)
    client = Client(headers={"host": "127.0.0.1"})
    login = {"username": "pgbench", "password": password}
    token = client.post("/api/auth/login/", login, content_type="application/json").json()["token"]

    def ask(method: str, path: str, body: object = None, **headers: str) -> Any:
        headers = {"host": "127.0.0.1", "authorization": f"Token {token}", **headers}
        kind = {} if body is None else {"content_type": "application/json"}
        answer = getattr(client, method)(path, body, headers=headers, **kind)
        if answer.status_code >= 300:
            raise SystemExit(f"{path}: {answer.status_code} {answer.content[:300]!r}")
        return answer.json()

    return ask


def _heard(work: Callable[[], object]) -> list[str]:
    """The statements of some work, with their values."""
    from django.db import connection

    said: list[str] = []

    def listen(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        with connection.connection.cursor() as cursor:
            said.append(cursor.mogrify(sql, params).decode())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        work()
    return said


def _checkout(ask: Callable[..., Any], basket: Sequence[Mapping[str, int]], key: str) -> str:
    from apps.core.models import IdempotencyKey

    answers: list[Any] = []
    body = json.loads(json.dumps({"items": basket, "amount_paid": "100000.00"}))
    said = _heard(lambda: answers.append(ask("post", "/api/sales/sales/", body, **{"idempotency-key": key})))
    sale, claim = answers[0], IdempotencyKey.objects.get(key=key)
    changing = {
        # Inside quotes pgbench would take the colon before the number for a cast.
        f":{sale['id']}'": ":' || :sale_id",
        str(sale["id"]): ":sale_id",
        str(int(sale["receipt_number"])): ":receipt_last",
        str(claim.pk): ":claim_id",
        key: ":unique",
        sale["payments"][0]["transaction_reference"]: ":unique",
    }
    return _script(said, changing)


def _script(said: Sequence[str], changing: Mapping[str, str]) -> str:
    """The first statement reads the token and stands before the transaction, if there is one."""
    texts = []
    for text in said:
        for old, new in changing.items():
            text = text.replace(old, new)
        table = _TABLE.match(text)
        variables = GIVES.get(table[1]) if table else None
        texts.append(text.rstrip() + (f" \\gset {variables}" if variables else ";"))
    if not changing:
        return "\n".join([*texts, ""])
    return "\n".join(
        ["\\set unique random(1, 9000000000000000)", texts[0], "BEGIN;", *texts[1:], "COMMIT;", ""]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
