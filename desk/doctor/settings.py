"""The settings documents: valid, and what of them was changed."""

from __future__ import annotations

from dataclasses import dataclass

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import deploy_again, repeg, some
from desk.stack.overrides import Documents, OverridesStore
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError
from repeg.settings import as_kept

SETTINGS = "settings"


@dataclass(frozen=True)
class Reading:
    """The settings in force; `refused` says why the documents are not, if they are not."""

    in_force: Settings
    overridden: tuple[str, ...] = ()
    refused: str | None = None


def read_settings(case: Case) -> Reading:
    """What orders are worked by. Nothing is kept, unlike where the stack reads them."""
    connection = case.connection
    store = OverridesStore(connection.ssm, connection.settings_defaults, connection.settings_overrides)
    try:
        documents = store.read()
    except ConfigurationError as error:
        raise Trouble(SETTINGS, str(error), deploy_again(connection)) from None
    last = case.market.load()
    try:
        return Reading(documents.settings(last), tuple(documents.overridden()))
    except ConfigurationError as error:
        kept = as_kept(last)
        if kept is None:
            detail = f"refused, and no valid ones were ever seen, so no order is worked: {error}"
            raise Trouble(SETTINGS, detail, _reset(case, documents)) from None
        return Reading(kept, refused=str(error))


def check_settings(case: Case) -> str:
    """Whether the documents are taken, and what they change."""
    reading = case.fact(read_settings)
    if reading.refused:
        detail = f"refused, the last valid ones stay in force: {reading.refused}"
        raise Trouble(SETTINGS, detail, repeg(case.connection, "settings reset"))
    if not reading.overridden:
        return "valid, all at their defaults"
    return f"valid, {some(len(reading.overridden), 'override')}: {', '.join(sorted(reading.overridden))}"


def _reset(case: Case, documents: Documents) -> str:
    if documents.overrides is None:
        return deploy_again(case.connection)
    return repeg(case.connection, "settings reset")
