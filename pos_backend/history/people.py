"""Who sells and who approves: the people that are there, and new ones where there are too few."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.users.models import User

CASHIERS = (
    ("till-1", "Achieng", "Odhiambo"),
    ("till-2", "Baraka", "Mwangi"),
    ("till-3", "Chebet", "Kiprop"),
    ("till-4", "Farida", "Hassan"),
    ("till-5", "Kamau", "Njoroge"),
    ("till-6", "Mumbua", "Mutiso"),
)
MANAGER = ("manager", "Wairimu", "Kariuki")


@dataclass(frozen=True)
class Staff:
    """Ids of the cashiers, and the administrator who receives goods and approves refunds."""

    cashiers: list[int]
    manager: int
    manager_name: str


def staff(since: datetime) -> Staff:
    """Six cashiers and an administrator. New ones have no password: an administrator gives them one."""
    cashiers = list(_active(User.Role.CASHIER).values_list("pk", flat=True))
    for names in CASHIERS[len(cashiers) :]:
        cashiers.append(_hire(User.Role.CASHIER, names, since).pk)
    manager = _active(User.Role.ADMIN).first() or _hire(User.Role.ADMIN, MANAGER, since)
    return Staff(cashiers, manager.pk, manager.display_name)


def _active(role: str) -> QuerySet[User]:
    return User.objects.filter(role=role, is_active=True).order_by("pk")


def _hire(role: str, names: tuple[str, str, str], since: datetime) -> User:
    username, first, last = names
    while User.objects.named(username).exists():
        username = f"{username}-new"
    user = User.objects.create_user(username, None, role=role, first_name=first, last_name=last)
    User.objects.filter(pk=user.pk).update(created_at=since)
    return user
