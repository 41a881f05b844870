"""Two sales through HTTP against a running demo shop: one by cash, one by a simulated M-Pesa phone."""

import sys
from typing import Any

import requests


def main(base: str) -> None:
    api = f"{base}/api"
    login = requests.post(
        f"{api}/auth/login/", json={"username": "cashier", "password": "ci-cashier"}, timeout=30
    ).json()
    headers = {"Authorization": f"Token {login['token']}", "Idempotency-Key": "ci-1"}
    listed = requests.get(
        f"{api}/products/?ordering=-stock&is_active=true", headers=headers, timeout=30
    ).json()
    barcode = next(row["barcode"] for row in listed["results"] if row["barcode"])
    product = requests.get(f"{api}/products/barcode/{barcode}/", headers=headers, timeout=30).json()
    body = {"items": [{"barcode": barcode, "quantity": 2}], "amount_paid": "100000.00"}
    sold = requests.post(f"{api}/sales/sales/", json=body, headers=headers, timeout=30)
    sale = sold.json()
    again = requests.post(f"{api}/sales/sales/", json=body, headers=headers, timeout=30)
    left = requests.get(f"{api}/products/{product['id']}/", headers=headers, timeout=30).json()["stock"]
    checks = {
        "sold": sold.status_code == 201 and sale["status"] == "completed",
        "receipt": bool(sale["receipt_number"]),
        "change": float(sale["change"]) == 100000 - float(sale["total"]),
        "stock": left == product["stock"] - 2,
        "repeated once": again.content == sold.content and again.headers.get("Idempotent-Replayed") == "true",
    }
    print(f"receipt {sale['receipt_number']}, total {sale['total']}, change {sale['change']}: {checks}")
    paid = by_phone(api, headers["Authorization"], product["id"])
    print(f"M-Pesa {paid['external_reference']}, {paid['amount']}: {paid['status']}")
    if not all(checks.values()) or paid["status"] != "success":
        sys.exit(1)


def by_phone(api: str, token: str, product: int) -> dict[str, Any]:
    """The payment of a customer whose simulated phone confirms by itself."""
    headers = {"Authorization": token}
    body = {"items": [{"product": product, "quantity": 1}]}
    sale = requests.post(f"{api}/sales/sales/", json=body, headers=headers, timeout=30).json()
    wanted = {"sale": sale["id"], "method": "mpesa", "amount": sale["total"], "phone_number": "0700 000 001"}
    payment = requests.post(
        f"{api}/payments/payments/initiate/", json=wanted, headers=headers, timeout=30
    ).json()
    address = f"{api}/payments/payments/{payment['id']}/"
    found: dict[str, Any] = {}
    while found.get("status", "processing") in ("pending", "processing"):
        found = requests.get(f"{address}?wait=25", headers=headers, timeout=60).json()
    return found


if __name__ == "__main__":
    main(sys.argv[1])
