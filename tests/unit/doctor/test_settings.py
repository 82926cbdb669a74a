"""The settings documents, as the stack takes or refuses them; the doctor keeps nothing."""

from __future__ import annotations

from repeg.domain.models import to_json
from repeg.domain.settings import Settings
from repeg.settings import Kept
from tests.support.clinic import Clinic


def test_defaults(clinic: Clinic) -> None:
    assert clinic.look("settings").detail == "valid, all at their defaults"
    assert clinic.case.market.load() is None, "nothing is written"


def test_overrides_are_named(clinic: Clinic) -> None:
    clinic.override('{"max_repegs": 1, "data_feed": "iex"}')
    assert clinic.look("settings").detail == "valid, 2 overrides: data_feed, max_repegs"


def test_refused_overrides_while_the_last_valid_ones_stay(clinic: Clinic) -> None:
    clinic.case.market.keep(Kept(to_json(Settings())))
    clinic.override('{"max_repegs": -1}')
    found = clinic.look("settings")
    assert not found.ok and "last valid ones stay" in found.detail and "max_repegs" in found.detail
    assert found.mend == "repeg settings reset"


def test_refused_overrides_that_nothing_stands_in_for(clinic: Clinic) -> None:
    clinic.override("max_repegs=1")
    found = clinic.look("settings")
    assert not found.ok and "no order is worked" in found.detail and "not JSON" in found.detail
    assert found.mend == "repeg settings reset"


def test_defaults_that_are_gone(clinic: Clinic) -> None:
    clinic["ssm"].delete_parameters(Names=["/defaults"])
    assert clinic.look("settings").mend == "make deploy"
