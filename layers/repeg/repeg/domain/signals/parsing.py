"""Signals: parsing with exact numbers, and the canonical form that idempotency compares."""

from __future__ import annotations

import hashlib
import json
import re
from abc import abstractmethod
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError, ValidationError

from repeg.domain.ladder.rungs import SignalLadder
from repeg.domain.models import Frozen, Side, direction, printable
from repeg.domain.money import plain
from repeg.domain.signals.checks import After, Beside, Known, Within, reader
from repeg.domain.signals.fields import (
    MAX_DIGITS,
    SIGNAL_ID,
    Instant,
    Label,
    Number,
    Positive,
    Price,
    SignalId,
    Symbol,
)
from repeg.errors import SignalInvalid

MAX_BODY_BYTES = 64 * 1024
# Alpaca wants a stop at least a cent from the price it is measured by: "stop_loss.stop_price must be <= base_price -
# 0.01" (docs.alpaca.markets/docs/orders-at-alpaca).
CLOSEST_EXIT = Decimal("0.01")
# A hundredth over the whole, as weights that were rounded may sum to; such targets are scaled down.
MOST_WEIGHT = Decimal("1.01")
PORTFOLIO = "portfolio"
"""The group and the line of signals that are about the whole account: no ticker is written in small letters."""
_MEMBER = re.compile(r"<\w+\.\w+: ('\w+')>")
"""How pydantic shows one of an enum's values."""


class _Signal(Frozen):
    signal_id: SignalId
    strategy: Label | None = None
    expires_at: Instant | None = None
    when_closed: Literal["reject", "next_open"] = "reject"

    @property
    def group(self) -> str:
        """The group of messages in which it is sent: those of a group are taken in one after the other."""
        return PORTFOLIO


class _SymbolSignal(_Signal):
    symbol: Symbol

    @property
    def group(self) -> str:
        """Its symbol: what is sent for one arrives in order."""
        return self.symbol


def _one_size(qty: Decimal | None, notional: Decimal | None) -> None:
    if (qty is None) == (notional is None):
        raise ValueError("give exactly one of qty and notional")


class OrderSignal(_SymbolSignal):
    """Buy or sell a quantity or an amount."""

    kind: Literal["order"]
    side: Side
    qty: Positive | None = None
    notional: Positive | None = None
    max_slippage_bps: Annotated[Positive, Within(le=1000)] | None = None
    ladder: SignalLadder | None = None
    completion: Literal["protect_price", "must"] = "protect_price"

    def __post_init__(self) -> None:
        _one_size(self.qty, self.notional)


def _whole(qty: Decimal) -> Decimal:
    if qty != qty.to_integral_value():
        raise ValueError("must be whole shares: a bracket's protection takes no fractions")
    return qty


def _exits_around_entry(target: Decimal, known: Known) -> Decimal:
    # Checked with the field that is read last of the four: the others are known by then.
    if not {"side", "signal_price", "stop_loss"} <= known.data.keys():
        return target
    side, entry, stop = known.data["side"], known.data["signal_price"], known.data["stop_loss"]
    sign = direction(side)
    if (entry - stop) * sign < CLOSEST_EXIT:
        where = "below" if side == "buy" else "above"
        # Found while another field is read: the kind of the error names the one that is wrong.
        raise PydanticCustomError("stop_loss", f"must lie at least a cent {where} signal_price to {side}")
    if (target - entry) * sign < CLOSEST_EXIT:
        where = "above" if side == "buy" else "below"
        raise ValueError(f"must lie at least a cent {where} signal_price to {side}")
    return target


class BracketSignal(_SymbolSignal):
    """Enter near a price, then hold between a stop and a target. A sell opens a short position."""

    kind: Literal["bracket"]
    side: Side
    qty: Annotated[Positive, After(_whole)] | None = None
    notional: Positive | None = None
    signal_price: Positive
    stop_loss: Positive
    take_profit: Annotated[Positive, Beside(_exits_around_entry)]
    exit_anchor: Literal["fill", "signal"] = "fill"
    extended_hours: bool = False
    unprotected_ok: bool = False

    def __post_init__(self) -> None:
        _one_size(self.qty, self.notional)


class CloseSignal(_SymbolSignal):
    """Exit a position, whole or in part."""

    kind: Literal["close"]
    qty: Positive | None = None
    foreign_orders: Literal["keep", "cancel"] = "keep"
    """What becomes of orders that are not repeg's and hold the shares."""


def _weights(targets: dict[str, Decimal]) -> dict[str, Decimal]:
    # A strategy that found nothing must not sell the book by its silence.
    if not targets:
        raise ValueError("names no symbol; to sell what is held, give its symbol the weight 0")
    total = sum(targets.values(), Decimal(0))
    if total > MOST_WEIGHT:
        raise ValueError(f"sum to {plain(total)}; at most {plain(MOST_WEIGHT)} of the equity can be held")
    return targets


class RebalanceSignal(_Signal):
    """Bring the account to weights of its equity. Fractions are fractions, not percent."""

    kind: Literal["rebalance"]
    targets: Annotated[dict[Symbol, Annotated[Number, Within(ge=0, le=1)]], After(_weights)]
    min_trade_notional: Annotated[Number, Within(ge=0)] = Decimal(5)
    """Dollars: what would trade for less is left alone."""
    threshold: Annotated[Number, Within(ge=0, lt=1)] = Decimal("0.01")
    """A symbol that is off its target by no more than this fraction of the equity is left alone."""
    cash_buffer: Annotated[Number, Within(ge=0, lt=1)] = Decimal("0.01")
    liquidate_others: bool = True
    include_protected: bool = False
    dry_run: bool = False


class _Instruction(_Signal):
    """About another signal's order."""

    def __init_subclass__(cls) -> None:
        # Records know no abstract classes: without this, one that forgot it would be found out by its first signal.
        if "about" not in vars(cls):
            raise TypeError(f"{cls.__name__} does not say what it is about")

    @property
    def group(self) -> str:
        """A group of its own: nothing holds it back."""
        return self.signal_id

    @property
    @abstractmethod
    def about(self) -> str:
        """The signal whose order is meant."""


def _another(about: str, known: Known) -> str:
    if about == known.data.get("signal_id"):
        raise ValueError("is the cancel's own signal_id; name the signal that is to be taken back")
    return about


class CancelSignal(_Instruction):
    """Take back what another signal became, as far as it did not trade yet."""

    kind: Literal["cancel"]
    cancel_signal_id: Annotated[SignalId, Beside(_another)]

    @property
    def about(self) -> str:
        """The signal whose order, or rebalance, is taken back."""
        return self.cancel_signal_id


class AdjustSignal(_Instruction):
    """Move the stop, the target, or both, of what a bracket holds or will hold."""

    kind: Literal["adjust"]
    adjust_signal_id: SignalId
    # A level is where the shares are sold: it is not rounded to a price that nobody named.
    stop_loss: Price | None = None
    take_profit: Price | None = None
    force: bool = False
    """Whether a level that the market has passed, or that cannot be measured, is meant: the position is exited then."""

    @property
    def about(self) -> str:
        """The bracket's signal."""
        return self.adjust_signal_id

    def __post_init__(self) -> None:
        if self.stop_loss is None and self.take_profit is None:
            raise PydanticCustomError("stop_loss", "is missing; give it, take_profit, or both")


OrderRequest = OrderSignal | BracketSignal | CloseSignal
"""Signals that become one order."""
Instruction = CancelSignal | AdjustSignal
"""Signals about the order of another signal."""
Signal = OrderRequest | Instruction | RebalanceSignal
_SIGNAL = reader(
    {
        "order": OrderSignal,
        "bracket": BracketSignal,
        "close": CloseSignal,
        "cancel": CancelSignal,
        "adjust": AdjustSignal,
        "rebalance": RebalanceSignal,
    },
    named_by="kind",
)


def read_json(text: str) -> Any:
    """JSON with exact numbers: literals become Decimal, NaN and the like and repeated keys are refused.

    Raises:
        SignalInvalid: not JSON, or not exactly readable.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
        raise SignalInvalid("body", f"is larger than {MAX_BODY_BYTES // 1024} KB; send one signal per message")
    try:
        body = json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
        # What could not be hashed or stored later (half of a surrogate pair, say) is refused here, with a reason.
        canonical(body).encode()
        text.encode()
    except SignalInvalid:
        raise
    except RecursionError:
        raise SignalInvalid("body", "is nested too deeply") from None
    except (ValueError, InvalidOperation) as error:
        raise SignalInvalid("body", f"is not JSON ({error})") from None
    return body


def read_loosely(text: str) -> Any:
    """What can be made of a body that `read_json` refuses, only to learn which signal it was; None if nothing."""
    try:
        body = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_one_id)
        canonical(body).encode()
    except (ValueError, RecursionError):
        return None
    return body


def _one_id(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Fields given twice do not matter here, but two ids are none."""
    found = dict(pairs)
    if sum(key == "signal_id" for key, _ in pairs) > 1:
        del found["signal_id"]
    return found


def _refuse_constant(name: str) -> Any:
    raise SignalInvalid("body", f"holds {name}, which is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    # Readers of JSON differ in which of two counts: a quantity is not to be guessed.
    if len(seen) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _invalid(twice, "is given twice; keep one")
    return seen


def parse_signal(body: Any) -> Signal:
    """A signal from decoded JSON (see `read_json`).

    Raises:
        SignalInvalid: names the first wrong field and what is wrong with it.
    """
    if faults := faults_of(body):
        raise faults[0]
    signal: Signal = _SIGNAL.validate_python(body)
    return signal


def faults_of(body: Any) -> list[SignalInvalid]:
    """Everything that is wrong with a signal, a field at a time; nothing, if `parse_signal` takes it."""
    if not isinstance(body, dict):
        return [SignalInvalid("body", "must be a JSON object")]
    try:
        _SIGNAL.validate_python(body)
    except ValidationError as error:
        return _problems(error)
    return []


def _problems(error: ValidationError) -> list[SignalInvalid]:
    return [_problem(each) for each in error.errors(include_url=False, include_context=False, include_input=False)]


def _invalid(field: str, problem: str) -> SignalInvalid:
    """One line, whatever a stranger calls a field and says in it."""
    return SignalInvalid(printable(field), printable(problem))


def _problem(first: Any) -> SignalInvalid:
    # Of a symbol that is none, pydantic says that it is a key: the field and the symbol name it already.
    path = [str(part) for part in first["loc"][1:] if part != "[key]"]
    kind = first["type"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return SignalInvalid("kind", 'must be one of "order", "bracket", "close", "cancel", "adjust", "rebalance"')
    if kind == "extra_forbidden":
        return _invalid(path[-1], "is not a field of this kind of signal; remove it")
    if kind == "missing":
        return SignalInvalid(path[-1], "is missing")
    if kind == "stop_loss":
        path = ["stop_loss"]
    message = _MEMBER.sub(r"\1", first["msg"].removeprefix("Value error, ").replace("Input should be", "must be"))
    field = ".".join(path) or "qty"
    return _invalid(field, message)


def usable_signal_id(body: Any) -> str | None:
    """The signal_id of a body that may otherwise be invalid, or None if it cannot serve as one."""
    candidate = body.get("signal_id") if isinstance(body, dict) else None
    return candidate if isinstance(candidate, str) and SIGNAL_ID.fullmatch(candidate) else None


def canonical(body: Any) -> str:
    """`body` as JSON with sorted keys and plain decimal strings, so that equal signals read equal."""
    return json.dumps(_canonical_value(body), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _canonical_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        # 1E+100000 would be a hundred thousand characters in plain notation.
        return plain(value) if abs(value.adjusted()) <= MAX_DIGITS else str(value)
    if isinstance(value, dict):
        return {key: _canonical_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical_value(item) for item in value]
    return value


def body_hash(body: Any) -> str:
    """SHA-256 of the canonical body, in hex."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()
