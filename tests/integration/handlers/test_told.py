"""What the functions tell around an order; with what orders tell, it is every metric of the list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from repeg.domain.metrics.listed import NAMESPACE, SERVICE, Metric
from repeg.wiring import clients
from repeg.wiring.inbox import intake
from tests.integration.handlers.conftest import Stack
from tests.integration.handlers.test_accept_signal import GOOD, _record
from tests.integration.spine.flow.test_told import SCENES as OF_ORDERS

ORDER = json.dumps({"signal_id": "a"} | GOOD)


def signals(stack: Stack) -> None:
    """One that is taken, and one that is refused and alerted of."""
    stack.call("accept_signal", {"Records": [_record(ORDER), _record("{}", 2)]})


def requests(stack: Stack) -> None:
    """One of them fails."""
    stack.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 503, "count": 1})
    intake().accept(ORDER)
    stack.step("assess_market", stack.order("a").order_id)


def failure(stack: Stack) -> None:
    """A function is called with what it does not understand."""
    with pytest.raises(KeyError):
        stack.call("check_fill", {})


def pause(stack: Stack) -> None:
    """The operator has paused intake; a sweep sees it."""
    stack.call("sweep_orders", {})


class Scene(NamedTuple):
    """What happens, and the metrics that tell of it, with what they say."""

    happens: Callable[[Stack], None]
    told: dict[Metric, float | None]


SCENES = [
    Scene(signals, {Metric.SIGNALS: 2, Metric.SIGNALS_REFUSED: 1, Metric.ALERTS: 1}),
    Scene(
        requests,
        {
            Metric.BROKER_CALLS: None,
            Metric.BROKER_ERRORS: 1,
            Metric.BROKER_UNANSWERED: 0,
            Metric.BROKER_THROTTLED: 0,
            Metric.BROKER_LATENCY: None,
            Metric.REQUESTS_LEFT: None,
        },
    ),
    Scene(failure, {Metric.FUNCTION_ERRORS: 1}),
    Scene(pause, {Metric.INTAKE_PAUSED: 1}),
]


class Paused:
    """Lambda, with its mapping of the queue switched off."""

    def list_event_source_mappings(self, **_: Any) -> dict[str, Any]:
        return {"EventSourceMappings": [{"State": "Disabled"}]}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.happens.__name__)
def test_what_happens_is_told_in_lines_that_cloudwatch_reads(
    stack: Stack, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = clients.client
    monkeypatch.setattr(clients, "client", lambda name: Paused() if name == "lambda" else real(name))
    scene.happens(stack)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    told: dict[str, list[float]] = {}
    for line in lines:
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"], line[SERVICE]) == (
            NAMESPACE,
            [[SERVICE]],
            "repeg-paper",
        )
        for metric in directive["Metrics"]:
            told.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    for metric, value in scene.told.items():
        assert value is None or sum(told[metric]) == value, metric
        assert told[metric]


def test_no_metric_is_a_mere_name() -> None:
    """Whatever an alarm, the dashboard or a page names is told by something that really happens in a test."""
    of_orders = {metric for scene in OF_ORDERS for metric in scene.told}
    around = {metric for scene in SCENES for metric in scene.told}
    assert of_orders | around == set(Metric)
