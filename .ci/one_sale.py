"""One sale through HTTP against a running demo shop, from the sign-in to the receipt."""

import sys

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
    if not all(checks.values()):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
