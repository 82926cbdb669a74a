"""All checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desk.doctor import alarms, broker, machine, market, positions, reach, schedules, settings, signals, trading
from desk.doctor.case import Case
from desk.doctor.keys import KEYS

Look = Callable[[Case], str]


@dataclass(frozen=True)
class Check:
    """Something to look at: `look` answers what it saw, or raises what is not ok.

    Checks of one group share facts, and are looked at one after the other; groups do not wait for each other.
    """

    name: str
    group: str
    look: Look


CHECKS = (
    Check(reach.STACK, "broker", reach.check_stack),
    Check(broker.MODE, "broker", broker.check_mode),
    Check(broker.BROKER, "broker", broker.check_broker),
    Check(KEYS, "broker", broker.check_keys),
    Check(broker.ACCOUNT, "broker", broker.check_account),
    Check(market.CLOCK, "broker", market.check_clock),
    Check(market.FEED, "broker", market.check_feed),
    Check(settings.SETTINGS, "broker", settings.check_settings),
    Check(signals.INTAKE, "signals", signals.check_intake),
    Check(signals.QUEUE, "signals", signals.check_queue),
    Check(signals.REFUSED, "signals", signals.check_refused),
    Check(trading.TRADING, "signals", trading.check_trading),
    Check(machine.MACHINE, "machine", machine.check_machine),
    Check(machine.SWEEP, "machine", machine.check_sweep),
    Check(schedules.SCHEDULES, "machine", schedules.check_schedules),
    Check(positions.POSITIONS, "broker", positions.check_positions),
    Check(alarms.ALERTS, "watch", alarms.check_alerts),
    Check(alarms.ALARMS, "watch", alarms.check_alarms),
)
