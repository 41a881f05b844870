"""The simulator's bad line: callbacks are lost, doubled and late, by chances that can be repeated."""

from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from payments.simulator import Simulator, running
from payments.simulator.line import Line


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running(speed=400) as simulator:
        yield simulator


def test_the_chances_are_kept_and_can_be_repeated() -> None:
    fates = [Line(0.3, 0.3, 300, seed=7).fate() for _ in range(2)]
    assert fates[0] == fates[1]
    line = Line(0.3, 0.3, 300, seed=7)
    many = [line.fate() for _ in range(10_000)]
    copies = Counter(map(len, many))
    assert abs(copies[0] - 3_000) < 300
    assert abs(copies[2] - 2_100) < 300
    late = [seconds for fate in many for seconds in fate]
    assert 0 <= min(late) < 1
    assert 299 < max(late) <= 300
    assert Line().fate() == [0]


def test_a_lost_callback_says_so_and_a_doubled_one_comes_twice(simulator: Simulator) -> None:
    simulator.set_line(lost=1)
    deliveries = simulator.world.deliveries
    lost = deliveries.prepare("card", "1", "event", "", b"{}")
    simulator.world.carry(lost)
    simulator.set_line(doubled=1, delay=10)
    doubled = deliveries.prepare("card", "2", "event", "", b"{}")
    simulator.world.carry(doubled)
    simulator.settle()
    assert lost.results == ["lost on a bad line"]
    assert doubled.results == ["no address"] * 2


def test_the_line_is_set_at_the_control_endpoint_and_mended_by_a_reset(simulator: Simulator) -> None:
    address = f"{simulator.base_url}/_/line/"
    bad = {"lost": 0.3, "doubled": 0.25, "delay": 300.0}
    assert requests.post(address, json=bad, timeout=5).json() == bad
    for wrong in ({"lost": 2}, {"lost": True}, {"delay": -1}, {"doubled": "often"}, {"seed": "x"}):
        assert requests.post(address, json=wrong, timeout=5).status_code == 400
    assert requests.get(address, timeout=5).json() == bad
    assert requests.post(address, json={}, timeout=5).json() == {"lost": 0, "doubled": 0, "delay": 0}
    simulator.set_line(lost=1)
    simulator.reset()
    assert simulator.world.line.good
