"""One operation of the served document as one role: what is described, what is not, and what comes of it."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import derive_operation_seed
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

from tests.contract.routes import Route
from tests.contract.world import Shop, Writes, snapshot
from tests.figures import LONG, form
from tests.fuzz.checks import CHECKS

# The same requests every time; another seed makes others.
SEED = int(os.environ.get("POS_FUZZ_SEED", "20261122"))
# Random requests for each operation and role, besides those that cover each rule of the document once.
EXAMPLES = form(3, 400)
SENT: Counter[str] = Counter()


@dataclass
class Sender:
    """Sends as `role`; every request is undone."""

    shop: Shop
    role: str
    headers: dict[str, str]

    def try_everything(
        self, operation: Any, route: Route, *, cover: bool = True, examples: int = EXAMPLES
    ) -> None:
        """Raises schemathesis' `FailureGroup` for the first request whose answer is wrong."""
        modes = [HypothesisTestMode.COVERAGE, HypothesisTestMode.FUZZING][0 if cover else 1 :]
        config = HypothesisTestConfig(
            project=operation.schema.config,
            settings=_settings(examples),
            modes=modes,
            seed=derive_operation_seed(SEED, f"{self.role} {operation.label}"),
            apply_ci_profile=False,
        )

        def send(case: Any) -> None:
            self.send(case, route)

        create_test(operation=operation, test_func=send, config=config)()

    def send(self, case: Any, route: Route) -> None:
        SENT[self.role] += 1
        if SENT[self.role] % 2:
            self._lead(case, route)
        writes = Writes()
        with transaction.atomic():
            with connection.execute_wrapper(writes):
                response = case.call(headers=self.headers)
            refused = 400 <= response.status_code < 500 and not route.is_webhook
            # An answer to a key is kept, refusals too.
            if refused and writes.seen and "Idempotency-Key" not in (case.headers or {}):
                assert snapshot() == self.shop.before, "refused, and yet something changed"
            case.validate_response(response, headers=self.headers, checks=CHECKS)
            transaction.set_rollback(True)

    def _lead(self, case: Any, route: Route) -> None:
        """To something that is there, unless it is the address that is wrong on purpose."""
        if not route.has_value or route.is_webhook or case.meta.is_negative_at(ParameterLocation.PATH):
            return
        place = next(i for i, part in enumerate(route.template.split("/")) if part.startswith("{"))
        (name,) = case.path_parameters
        case.path_parameters = {name: self.shop.path(route).split("/")[place]}


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if LONG else [])],
        suppress_health_check=list(HealthCheck),
    )
