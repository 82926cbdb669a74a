"""The table's identity: made once, by whoever asks first, and the same for everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.domain.halt import MISSING, Halt, Mode, Scope
from repeg.errors import StoreConflict
from repeg.store.halts import IDENTITY_KEY, Halts, halt_key
from repeg.store.identity import IdentityStore
from repeg.store.items import to_item
from tests.support.stand_ins.tables import create_table


def test_is_made_once_and_kept(dynamodb: Any) -> None:
    create_table(dynamodb, "identity")
    first = IdentityStore(dynamodb, "identity").token()
    assert re.fullmatch(r"[0-9a-f]{8}", first)
    assert IdentityStore(dynamodb, "identity").token() == first


def test_another_table_is_somebody_else(dynamodb: Any) -> None:
    for name in ("one", "two"):
        create_table(dynamodb, name)
    assert IdentityStore(dynamodb, "one").token() != IdentityStore(dynamodb, "two").token()


def test_is_read_once_per_process(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table(dynamodb, "identity")
    store = IdentityStore(dynamodb, "identity")
    token = store.token()
    monkeypatch.setattr(dynamodb, "get_item", None)
    assert store.token() == token


def test_two_that_make_it_at_once_agree(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table(dynamodb, "identity")
    late, early = IdentityStore(dynamodb, "identity"), IdentityStore(dynamodb, "identity")
    real, tokens = dynamodb.put_item, []

    def put(**request: Any) -> Any:
        monkeypatch.setattr(dynamodb, "put_item", real)
        tokens.append(early.token())
        return real(**request)

    monkeypatch.setattr(dynamodb, "put_item", put)
    assert late.token() == tokens[0]


def test_a_table_that_does_not_answer_is_no_reason_to_go_without(dynamodb: Any) -> None:
    with pytest.raises(ClientError):
        IdentityStore(dynamodb, "nowhere").token()


# --- the word on the account that comes with it ---


def test_a_table_that_nobody_used_is_not_halted_and_is_given_the_word_with_its_identity(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    assert halts.halts() == ()
    IdentityStore(dynamodb, "identity").token()
    assert (word(dynamodb), halts.halts()) == ("active", ())


def test_without_the_word_that_it_had_it_is_halted_until_it_is_resumed(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    dynamodb.delete_item(TableName="identity", Key=halt_key(Scope.ACCOUNT))
    assert halts.halts() == (MISSING,)
    IdentityStore(dynamodb, "identity").token()
    assert halts.halts() == (MISSING,), "nobody writes it anew but an operator"
    assert not halts.lift_halt(Scope.SYMBOL, "TQQQ")
    assert halts.lift_halt(Scope.ACCOUNT)
    assert (word(dynamodb), halts.halts()) == ("active", ())
    assert not halts.lift_halt(Scope.ACCOUNT), "it was not halted"


def test_what_is_lifted_leaves_the_word_that_it_is_active(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    halts.keep_halt(Halt(mode=Mode.HALTED))
    dynamodb.put_item(TableName="identity", Item=to_item({"pk": "CONTROL", "sk": "account", "mode": "reducing"}))
    assert halts.lift_halt(Scope.ACCOUNT)
    assert (word(dynamodb), halts.halts()) == ("active", ())


def test_one_of_an_older_version_trades_on_and_is_given_the_word_by_who_reads_it(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    older(dynamodb)
    assert halts.halts() == ()
    assert IdentityStore(dynamodb, "identity").token() == "0badcafe"
    dynamodb.delete_item(TableName="identity", Key=halt_key(Scope.ACCOUNT))
    assert halts.halts() == (MISSING,)


@pytest.mark.parametrize("said", [{"mode": "halted"}, {"mode": "stop!"}, {}])
def test_one_of_an_older_version_that_is_halted_stays_so(dynamodb: Any, said: dict[str, str]) -> None:
    halts = table_of(dynamodb)
    older(dynamodb)
    dynamodb.put_item(TableName="identity", Item=halt_key(Scope.ACCOUNT) | to_item(said))
    IdentityStore(dynamodb, "identity").token()
    [halt] = halts.halts()
    assert halt.mode is Mode.HALTED
    dynamodb.delete_item(TableName="identity", Key=halt_key(Scope.ACCOUNT))
    assert halts.halts() == (MISSING,), "that it had a word is known"


def test_two_that_give_the_word_at_once_give_it_once(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    halts = table_of(dynamodb)
    older(dynamodb)
    real = dynamodb.transact_write_items

    def late(**request: Any) -> Any:
        """Somebody else gave it, and an operator halted, between the read and the write."""
        monkeypatch.setattr(dynamodb, "transact_write_items", real)
        IdentityStore(dynamodb, "identity").token()
        halts.keep_halt(Halt(mode=Mode.HALTED))
        return real(**request)

    monkeypatch.setattr(dynamodb, "transact_write_items", late)
    assert IdentityStore(dynamodb, "identity").token() == "0badcafe"
    assert [halt.mode for halt in halts.halts()] == [Mode.HALTED]


def table_of(dynamodb: Any) -> Halts:
    create_table(dynamodb, "identity")
    return Halts(dynamodb, "identity")


def older(dynamodb: Any) -> None:
    """As versions before the word on the account made it."""
    dynamodb.put_item(TableName="identity", Item=IDENTITY_KEY | to_item({"token": "0badcafe"}))


def word(dynamodb: Any) -> str:
    return str(dynamodb.get_item(TableName="identity", Key=halt_key(Scope.ACCOUNT))["Item"]["mode"]["S"])


def test_one_that_is_missing_is_replaced_by_none_that_stops_less(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    reducing = Halt(mode=Mode.REDUCING)
    assert halts.tighten(reducing) is None, "nobody has used the table yet"
    IdentityStore(dynamodb, "identity").token()
    assert halts.tighten(reducing) is None
    dynamodb.delete_item(TableName="identity", Key=halt_key(Scope.ACCOUNT))
    assert (halts.tighten(reducing), halts.halts()) == (MISSING, (MISSING,))
    assert halts.tighten(Halt(scope=Scope.SYMBOL, of="TQQQ", mode=Mode.REDUCING)) is None
    assert halts.tighten(Halt(mode=Mode.HALTED)) is None


# --- two at once ---


def test_the_word_that_is_given_while_one_looks_for_it_is_not_missing(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    halts, real = table_of(dynamodb), dynamodb.query

    def query(**request: Any) -> Any:
        monkeypatch.setattr(dynamodb, "query", real)
        answer = real(**request)
        IdentityStore(dynamodb, "identity").token()
        return answer

    monkeypatch.setattr(dynamodb, "query", query)
    assert halts.halts() == ()


@pytest.mark.parametrize("about", [(Scope.ACCOUNT, ""), (Scope.SYMBOL, "TQQQ")])
@pytest.mark.parametrize("before", [Mode.REDUCING, None], ids=["halted", "not halted"])
def test_what_is_halted_while_somebody_resumes_stays_so(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, about: tuple[Scope, str], before: Mode | None
) -> None:
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    said = {"pk": "CONTROL", "sk": "account", "mode": "reducing"}  # what a resume finds, in any case
    dynamodb.put_item(TableName="identity", Item=to_item(said))
    if before:
        halts.keep_halt(Halt(scope=about[0], of=about[1], mode=before))
    newer = Halt(scope=about[0], of=about[1], mode=Mode.HALTED, reason="the news")
    meanwhile(dynamodb, monkeypatch, lambda: halts.keep_halt(newer))
    if about[0] is Scope.ACCOUNT or before:
        with pytest.raises(StoreConflict, match="at the same time"):
            halts.lift_halt(*about)
    else:
        assert not halts.lift_halt(*about), "there was nothing to lift"
    assert newer in halts.halts()


@pytest.mark.parametrize("about", [(Scope.ACCOUNT, ""), (Scope.SYMBOL, "TQQQ")])
@pytest.mark.parametrize("before", [Mode.REDUCING, Mode.HALTED])
@pytest.mark.parametrize("then", [Mode.REDUCING, Mode.HALTED])
def test_who_halts_behind_another_leaves_no_entry_in_the_market_that_was_to_go(
    dynamodb: Any, about: tuple[Scope, str], before: Mode, then: Mode
) -> None:
    """The second word says nothing of what is in the market, and came before anybody had heeded the first."""
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    first = Halt(scope=about[0], of=about[1], mode=before, cancel_open=True)
    second = Halt(scope=about[0], of=about[1], mode=then, reason="the news")
    assert halts.tighten(first) is None
    stricter = (before, then) == (Mode.HALTED, Mode.REDUCING)
    assert halts.tighten(second) == (first if stricter else None)
    assert halts.halts() == (first if stricter else second.changed(cancel_open=True),)
    assert halts.lift_halt(*about)
    assert halts.tighten(second) is None
    assert halts.halts() == (second,), "what was lifted takes nothing out any more"


@pytest.mark.parametrize("about", [(Scope.ACCOUNT, ""), (Scope.SYMBOL, "TQQQ")])
def test_two_that_resume_at_once_are_no_trouble(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, about: tuple[Scope, str]
) -> None:
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    halts.keep_halt(Halt(scope=about[0], of=about[1], mode=Mode.HALTED))
    meanwhile(dynamodb, monkeypatch, lambda: halts.lift_halt(*about))
    assert halts.lift_halt(*about)
    assert (word(dynamodb), halts.halts()) == ("active", ())


def test_what_was_written_by_hand_with_odd_values_is_lifted_like_any_other(dynamodb: Any) -> None:
    halts = table_of(dynamodb)
    IdentityStore(dynamodb, "identity").token()
    odd = {"mode": {"N": "1.5"}, "reason": {"L": []}, "since": {"N": "0.5"}}
    dynamodb.put_item(TableName="identity", Item=halt_key(Scope.ACCOUNT) | odd)
    [halt] = halts.halts()
    assert halt.mode is Mode.HALTED
    assert halts.lift_halt(Scope.ACCOUNT)
    assert halts.halts() == ()


def meanwhile(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Something happens between the next look at what is halted and what is done about it."""
    real = dynamodb.query

    def query(**request: Any) -> Any:
        monkeypatch.setattr(dynamodb, "query", real)
        answer = real(**request)
        happens()
        return answer

    monkeypatch.setattr(dynamodb, "query", query)
