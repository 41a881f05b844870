"""A payment gateway simulator: M-Pesa, Airtel Money and a card gateway, for trying out and for tests.

Never loaded by the shop itself; `python -m payments.simulator` starts it, tests use `running`.
"""

from payments.simulator.operations import Impossible
from payments.simulator.simulator import Simulator, running

__all__ = ["Impossible", "Simulator", "running"]
