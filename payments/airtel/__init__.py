"""Airtel Money through the Airtel Africa collection API."""

from payments.airtel.gateway import from_settings

__all__ = ["from_settings"]
