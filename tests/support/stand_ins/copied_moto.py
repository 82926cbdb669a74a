"""What moto's AWS holds, kept once and laid out again for each test that begins with it."""

from __future__ import annotations

import copy
import copyreg
from threading import Condition, RLock
from typing import Any
from unittest.mock import patch
from weakref import WeakValueDictionary

from moto.core.base_backend import BackendDict
from moto.ssm.models import ParameterDict

_Place = tuple[Any, str, str]


class Kept:
    """A copy of all that every service holds now. Nobody changes it: what is laid out is a copy again."""

    def __init__(self) -> None:
        found = [
            ((service, account, region), backend)
            for service in BackendDict._instances
            for account, regions in service.items()
            for region, backend in regions.items()
        ]
        self._places: list[_Place] = [place for place, _ in found]
        # Together, as one service's objects know those of another: a queue knows the function that it is mapped to.
        self._backends: list[Any] = _copied([backend for _, backend in found])

    def lay_out(self) -> None:
        """What was kept is there again, in an AWS that was empty."""
        for (service, account, region), backend in zip(self._places, _copied(self._backends), strict=True):
            dict.__setitem__(service[account], region, backend)


def _copied(backends: list[Any]) -> list[Any]:
    # It would have what it knows weakly in common with its copy.
    with patch.object(WeakValueDictionary, "__deepcopy__", _copy_weakly):
        return copy.deepcopy(backends)


def _copy_weakly(known: WeakValueDictionary[Any, Any], memo: dict[int, Any]) -> WeakValueDictionary[Any, Any]:
    return WeakValueDictionary({name: copy.deepcopy(value, memo) for name, value in known.items()})


def _parameters(kept: ParameterDict) -> Any:
    return ParameterDict, (kept.account_id, kept.region_name), vars(kept), None, iter(kept.items())


# Nobody holds a lock of moto's between two calls.
copyreg.pickle(type(RLock()), lambda _: (RLock, ()))
copyreg.pickle(Condition, lambda _: (Condition, ()))
copyreg.pickle(ParameterDict, _parameters)
