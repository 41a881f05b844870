"""Ids of the rows to come: taken up where the database's sequences stand, and handed back to them at the end."""

from dataclasses import dataclass, fields

from django.db import connection

SEQUENCES = {
    "product": "products_product_id_seq",
    "sale": "sales_sale_id_seq",
    "number": "sales_sale_number",
    "item": "sales_saleitem_id_seq",
    "payment": "payments_payment_id_seq",
    "refund": "payments_refund_id_seq",
    "movement": "inventory_movement_id_seq",
}


@dataclass(slots=True)
class Ids:
    """The next free one of each kind; `number` is the sale's number."""

    product: int
    sale: int
    number: int
    item: int
    payment: int
    refund: int
    movement: int


def take_up_ids() -> Ids:
    """Call when nobody else can add rows."""
    with connection.cursor() as cursor:
        found = {}
        for kind, sequence in SEQUENCES.items():
            cursor.execute("SELECT nextval(%s)", [sequence])
            found[kind] = int(cursor.fetchone()[0])
    return Ids(**found)


def hand_back_ids(ids: Ids) -> None:
    """The sequences go on behind the last id that was used."""
    with connection.cursor() as cursor:
        for kind in fields(ids):
            cursor.execute("SELECT setval(%s, %s, false)", [SEQUENCES[kind.name], getattr(ids, kind.name)])
