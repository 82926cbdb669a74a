"""The examination: every check is looked at in bounded time, and none keeps another from being looked at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from desk.doctor.aws_trouble import AwsError, explain
from desk.doctor.case import Case
from desk.doctor.checks import CHECKS, Check
from desk.doctor.findings import Diagnosis, Finding, Trouble
from desk.doctor.meter import Meter
from desk.doctor.reach import STACK, reach
from desk.stack.market_time import wall_clock

PATIENCE_S = 20.0
_AGAIN = "repeg doctor again; if it stays so, run it with --json and report what it says"


def examine(stack: str = "", *, wall: Callable[[], datetime] = wall_clock) -> Diagnosis:
    """Look at the stack of this name, without one at the local cloud that is up, else at `repeg`. Changes nothing."""
    meter = Meter()
    meter.begin(STACK)
    try:
        case = reach(stack, meter, wall)
    except Trouble as trouble:
        finding = Finding(STACK, False, trouble.detail, trouble.mend, meter.cost(STACK))
        return Diagnosis((finding,), meter.total())
    return Diagnosis(examine_case(case), meter.total())


def examine_case(case: Case, checks: Iterable[Check] = CHECKS, patience: float = PATIENCE_S) -> tuple[Finding, ...]:
    """All findings in the checks' order; a check that takes longer than `patience` seconds is not waited for."""
    checks = tuple(checks)
    found: dict[str, Finding] = {}

    def work(group: list[Check]) -> None:
        for check in group:
            found[check.name] = look(case, check)

    by_group = [list(group) for _, group in groupby(sorted(checks, key=_group), _group)]
    threads = [threading.Thread(target=work, args=(group,), daemon=True) for group in by_group]
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    late = f"no answer within {patience:g} s"
    return tuple(found.get(check.name) or Finding(check.name, False, late, _AGAIN) for check in checks)


def look(case: Case, check: Check) -> Finding:
    """One check; whatever goes wrong in it becomes its finding."""
    case.meter.begin(check.name)
    finding = _look(case, check)
    return replace(finding, detail=" ".join(finding.detail.split()), cost=case.meter.cost(check.name))


def _look(case: Case, check: Check) -> Finding:
    try:
        return Finding(check.name, True, check.look(case))
    except Trouble as trouble:
        if trouble.owner == check.name:
            return Finding(check.name, False, trouble.detail, trouble.mend)
        first = f"fix {trouble.owner} first"
        return Finding(check.name, False, f"not known: {first}", first, behind=trouble.owner)
    except AwsError as error:
        return Finding(check.name, False, *explain(error, local=case.simulated))
    except Exception as error:  # a check that breaks must not hide what the others see
        return Finding(check.name, False, f"could not be looked at: {type(error).__name__}: {error}", _AGAIN)


def _group(check: Check) -> str:
    return check.group
