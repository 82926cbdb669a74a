"""`repeg alarms` and `repeg metrics`, as an operator types them, on AWS as moto plays it."""

from __future__ import annotations

import pytest

from repeg.domain.metrics.listed import LISTED, Metric
from tests.support.clinic import STACK, Clinic
from tests.unit.cli.conftest import Repeg

OURS = {"service": STACK}


def watch_slippage(clinic: Clinic) -> None:
    clinic["cloudwatch"].put_metric_alarm(
        AlarmName=f"{STACK}-average-slippage",
        AlarmDescription="Orders are dear. See which with repeg orders",
        AlarmActions=[clinic.topic],
        Namespace="Repeg",
        MetricName=Metric.SLIPPAGE_GAUGE,
        Dimensions=[{"Name": "service", "Value": STACK}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.15,
        ComparisonOperator="GreaterThanThreshold",
    )


def measure(clinic: Clinic, metric: str, *values: float, **by: str) -> None:
    """One value a minute, the last a moment ago."""
    for minutes, value in enumerate(reversed(values)):
        clinic.metric("Repeg", metric, OURS | by, value, minutes_ago=minutes + 0.1)


def test_an_alarm_that_rings_comes_first_with_what_to_do(clinic: Clinic, repeg: Repeg) -> None:
    watch_slippage(clinic)
    measure(clinic, Metric.SLIPPAGE_GAUGE, 0.12, 0.2)
    clinic["cloudwatch"].set_alarm_state(AlarmName=f"{STACK}-average-slippage", StateValue="ALARM", StateReason="dear")
    code, found, _ = repeg("alarms", "--json")
    assert (code, [alarm["name"] for alarm in found]) == (0, ["average-slippage", "alert-logged", "sweep-silent"])
    first = found[0]
    assert (first["state"], first["reason"], first["what_to_do"]) == (
        "ALARM",
        "dear",
        "Orders are dear. See which with repeg orders",
    )
    assert (first["value"], first["comparison"], first["threshold"], first["target"]) == (0.2, ">", 0.15, 0.1)
    assert first["dimensions"] == {"service": STACK} and first["since"].endswith("Z")
    assert found[1]["target"] is None

    code, page, said = repeg("alarms")
    assert code == 0 and said.strip() == "3 alarms, 1 in ALARM"
    [line] = [line for line in page.splitlines() if line.startswith("average-slippage")]
    assert all(part in line for part in ("ALARM", "0.2", "> 0.15", "< 0.1", "Orders are dear"))


def test_alarms_of_another_stack_are_not_listed(clinic: Clinic, repeg: Repeg) -> None:
    clinic.topic = clinic["sns"].create_topic(Name="repeg-live-alerts")["TopicArn"]
    clinic.alarm("live-sweep-silent")
    assert [alarm["name"] for alarm in repeg("alarms", "--json")[1]] == ["alert-logged", "sweep-silent"]


def test_metrics_are_listed_in_order_with_target_and_level(clinic: Clinic, repeg: Repeg) -> None:
    watch_slippage(clinic)
    measure(clinic, Metric.ORDERS, 1, 3)
    measure(clinic, Metric.ORDERS, 2, ladder="standard")
    measure(clinic, Metric.SLIPPAGE_GAUGE, 0.12, 0.2)
    clinic.metric("Repeg", Metric.ORDERS, {"service": "another"}, 99)
    code, found, _ = repeg("metrics", "--json")
    assert (code, [one["name"] for one in found]) == (0, [Metric.SLIPPAGE_GAUGE, Metric.ORDERS])
    gauge, orders = found
    assert (gauge["value"], gauge["target"], gauge["alarm_level"], gauge["unit"]) == (0.2, 0.1, 0.15, "Percent")
    assert [point["value"] for point in gauge["points"]] == [0.12, 0.2]
    assert (orders["value"], orders["alarm_level"], orders["statistic"]) == (3, None, "Sum")
    page = repeg("metrics")[1]
    [line] = [line for line in page.splitlines() if line.startswith("Orders ")]
    assert "count" in line and LISTED[Metric.ORDERS].says in line and "█" in line


def test_one_metric_is_drawn_with_its_lines_and_its_parts(clinic: Clinic, repeg: Repeg) -> None:
    watch_slippage(clinic)
    measure(clinic, Metric.SLIPPAGE_GAUGE, 0.05, 0.3)
    code, page, _ = repeg("metrics", "averageslippagepercent")
    assert code == 0 and "target < 0.1 %" in page and "alarm at 0.15 %" in page and "●" in page
    assert " alarm\n" in page and " target\n" in page

    measure(clinic, Metric.ORDERS, 5)
    measure(clinic, Metric.ORDERS, 3, ladder="standard")
    measure(clinic, Metric.ORDERS, 2, ladder="market")
    _, found, _ = repeg("metrics", "Orders", "--json")
    assert found["value"] == 5
    assert [(part["by"], part["value"]) for part in found["parts"]] == [
        ({"ladder": "market"}, 2),
        ({"ladder": "standard"}, 3),
    ]
    assert "ladder standard" in repeg("metrics", "Orders")[1]


def test_a_metric_that_was_not_measured_and_one_that_there_is_not(clinic: Clinic, repeg: Repeg) -> None:
    assert repeg("metrics")[0] == 0 and "nothing was measured yet" in repeg("metrics")[2]
    code, found, _ = repeg("metrics", "Drift", "--json")
    assert (code, found["value"], found["points"]) == (0, None, [])
    assert "nothing measured" in repeg("metrics", "Drift")[1]
    code, _, said = repeg("metrics", "Drifts")
    assert code == 2 and said.startswith("NAME: there is no metric Drifts")


def test_a_narrow_screen_keeps_names_whole_and_leaves_the_words_their_room(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.telling.render.IN_PIPES", 80)
    watch_slippage(clinic)
    measure(clinic, Metric.SLIPPAGE_GAUGE, 0.12, 0.2)
    for page, name in ((repeg("alarms")[1], "average-slippage"), (repeg("metrics")[1], str(Metric.SLIPPAGE_GAUGE))):
        lines = page.splitlines()
        assert max(map(len, lines)) <= 80
        assert any(line.startswith(f"{name} ") for line in lines)
        assert lines[0].endswith(("what it means and what to do", "what it is"))


@pytest.mark.parametrize("width", [80, 120])
def test_a_plot_is_as_wide_as_the_screen(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("desk.telling.render.IN_PIPES", width)
    watch_slippage(clinic)
    measure(clinic, Metric.SLIPPAGE_GAUGE, 0.05, 0.3)
    lines = repeg("metrics", "averageslippagepercent")[1].splitlines()
    assert width - 2 <= max(map(len, lines)) <= width
    assert any(line.endswith(" alarm") for line in lines) and any(line.endswith(" target") for line in lines)
    assert lines[-1].endswith(" ET") and ":" in lines[-1].split()[0], "both ends of the time on one line"
