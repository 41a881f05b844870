"""The ledger of stock, what is running low, and counts."""

from apps.inventory.models.alert import StockAlert
from apps.inventory.models.count import CountLine, StockCount
from apps.inventory.models.movement import Movement

__all__ = ["CountLine", "Movement", "StockAlert", "StockCount"]
