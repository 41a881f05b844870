"""The gateways: every way to take money that is not cash or a bank transfer, behind one interface.

Nothing here knows Django, DRF or the apps; only `apps.payments` may import it.
"""
