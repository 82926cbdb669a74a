"""What brackets are held to: cheap entries, enough reward for the risk, fills, and few refusals."""

from __future__ import annotations

from dataclasses import dataclass

from desk.report.execution import BracketReport
from repeg.domain.metrics.listed import TARGETS, Metric

MOST_SLIPPAGE_PERCENT = TARGETS[Metric.SLIPPAGE_GAUGE].wanted
LEAST_RISK_REWARD = TARGETS[Metric.RISK_REWARD_GAUGE].wanted
LEAST_FILLED = TARGETS[Metric.FILL_GAUGE].wanted / 100
ALARMING_REFUSALS = TARGETS[Metric.REJECTION_GAUGE].alarm / 100


@dataclass(frozen=True)
class Target:
    """One line. `ok` is None when there was nothing to measure."""

    name: str
    wanted: str
    measured: str
    ok: bool | None


def targets(report: BracketReport) -> list[Target]:
    """Every target beside what was measured."""
    percent = None if report.average_slippage_bps is None else report.average_slippage_bps / 100
    lowest, filled, refused = report.lowest_risk_reward, report.fill_rate, report.refusal_rate
    return [
        Target(
            "average slippage",
            f"at most {MOST_SLIPPAGE_PERCENT} %",
            "none" if percent is None else f"{percent:+.3f} % of the signals' prices",
            None if percent is None else percent <= MOST_SLIPPAGE_PERCENT,
        ),
        Target(
            "reward for the risk",
            f"at least 1:{LEAST_RISK_REWARD}",
            "none" if lowest is None else f"1:{report.average_risk_reward:.2f} on average, 1:{lowest:.2f} the lowest",
            None if lowest is None else lowest >= LEAST_RISK_REWARD,
        ),
        Target(
            "fill rate",
            f"at least {LEAST_FILLED:.0%}",
            "none" if filled is None else f"{filled:.1%} of the dollars that were sent within the cap",
            None if filled is None else filled >= LEAST_FILLED,
        ),
        Target(
            "refused by the market",
            f"alarm from {ALARMING_REFUSALS:.0%}",
            "none" if refused is None else f"{refused:.0%}: {report.refused} of {report.refused + report.sent} signals",
            None if refused is None else refused < ALARMING_REFUSALS,
        ),
    ]
