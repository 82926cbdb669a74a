"""What an order may meet at each stage of its life, and where that leads.

No step asks: what a record says decides, and a wrong table must not leave shares bare. The docs print it, and the tests
hold every order of every scene to it; it stands apart so that no cold start pays for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from repeg.domain.rules.life import Stage


class On(StrEnum):
    """What an order at a stage may meet."""

    RELEASED = "it may be worked, and nothing can be sent yet"
    SENT = "a child order is written down and sent"
    NOT_TAKEN = "the broker certainly has nothing of it: it is forgotten"
    ASSESSED_ANEW = "it must be assessed anew"
    ARRIVED = "a child order that nobody could find shows at the broker"
    CANCELED = "its cancel is asked for"
    CHILD_OVER = "its child order is over"
    UNFILLED = "what one answer had it filled with was made up"
    LIVES_ON = "before it could be cancelled, another order took its place at the broker"
    LADDER_OVER = "no more is to be sent"
    PUT_OFF = "it would wait while what it took protection off is bare"
    PUT_BACK = "protection is back"
    FAILED = "a step keeps failing"
    TAKEN_OVER = "an exit takes over"
    TAKEN_BACK = "a cancel takes it back"
    LEFT = "the position is to be left"
    FLAT = "its shares have left"
    SEEN_TO = "its shares are guarded, or its owner was told that they are not"
    NOT_LEFT = "leaving did not end flat"
    RECORDED = "its outcome is recorded"
    PUBLISHED = "its outcome is published"
    UNGUARDED = "protection is lost or taken down, or shares came without"
    DISAGREES = "record and account disagree"
    AGREES = "they agree again, or an operator decided"


class Move(NamedTuple):
    """What an order at stage `before` may meet, and the stages that it comes to by that."""

    before: Stage
    on: On
    after: tuple[Stage, ...]


_AFTER_ITS_LADDER = (Stage.ENTERED, Stage.SOLD, Stage.LOOKING_AGAIN, Stage.LEAVING, Stage.ENDING)
_AFTER_ITS_OUTCOME = (Stage.HOLDING, Stage.BARE, Stage.FROZEN, Stage.LEAVING_LATER, Stage.OVER)

MOVES = (
    Move(Stage.WAITING, On.SENT, (Stage.LIVE,)),
    Move(Stage.WAITING, On.ARRIVED, (Stage.LIVE, Stage.WORKING, Stage.RESTORING, *_AFTER_ITS_LADDER)),
    Move(Stage.WAITING, On.RELEASED, (Stage.WORKING,)),
    Move(Stage.WAITING, On.LADDER_OVER, (Stage.ENDING, Stage.SOLD, Stage.LOOKING_AGAIN)),
    Move(Stage.WAITING, On.PUT_OFF, (Stage.RESTORING,)),
    Move(Stage.WAITING, On.TAKEN_OVER, (Stage.ENDING,)),
    Move(Stage.WAITING, On.TAKEN_BACK, (Stage.ENDING, Stage.SOLD)),
    Move(Stage.WORKING, On.SENT, (Stage.LIVE,)),
    Move(Stage.WORKING, On.ARRIVED, (Stage.LIVE, Stage.RESTORING, *_AFTER_ITS_LADDER)),
    Move(Stage.WORKING, On.ASSESSED_ANEW, (Stage.WAITING,)),
    Move(Stage.WORKING, On.PUT_OFF, (Stage.RESTORING,)),
    Move(Stage.WORKING, On.LADDER_OVER, (Stage.ENTERED, Stage.SOLD, Stage.ENDING)),
    Move(Stage.WORKING, On.TAKEN_OVER, (Stage.ENTERED, Stage.ENDING)),
    Move(Stage.WORKING, On.TAKEN_BACK, (Stage.ENTERED, Stage.SOLD, Stage.ENDING)),
    Move(Stage.LIVE, On.NOT_TAKEN, (Stage.WORKING, Stage.WAITING)),
    Move(Stage.LIVE, On.PUT_OFF, (Stage.RESTORING,)),
    Move(Stage.LIVE, On.CANCELED, (Stage.CANCELING,)),
    Move(Stage.LIVE, On.CHILD_OVER, (Stage.WORKING, Stage.WAITING, Stage.RESTORING, *_AFTER_ITS_LADDER)),
    Move(Stage.LIVE, On.TAKEN_OVER, (Stage.WITHDRAWN,)),
    Move(Stage.LIVE, On.TAKEN_BACK, (Stage.WITHDRAWN,)),
    Move(Stage.LIVE, On.FAILED, (Stage.SECURING,)),
    Move(Stage.WITHDRAWN, On.CANCELED, (Stage.CANCELING,)),
    Move(Stage.WITHDRAWN, On.CHILD_OVER, (Stage.ENTERED, Stage.SOLD, Stage.LOOKING_AGAIN, Stage.ENDING)),
    Move(Stage.WITHDRAWN, On.PUT_OFF, (Stage.RESTORING,)),
    Move(Stage.WITHDRAWN, On.FAILED, (Stage.SECURING,)),
    Move(Stage.CANCELING, On.CHILD_OVER, (Stage.WORKING, Stage.RESTORING, *_AFTER_ITS_LADDER)),
    Move(Stage.CANCELING, On.LIVES_ON, (Stage.LIVE, Stage.WITHDRAWN)),
    Move(Stage.CANCELING, On.FAILED, (Stage.SECURING,)),
    Move(Stage.SECURING, On.CHILD_OVER, (Stage.ENTERED, Stage.SOLD, Stage.LEAVING, Stage.ENDING)),
    Move(
        Stage.RESTORING,
        On.ARRIVED,
        (Stage.LIVE, Stage.WITHDRAWN, Stage.WORKING, Stage.WAITING, *_AFTER_ITS_LADDER),
    ),
    Move(Stage.RESTORING, On.NOT_TAKEN, (Stage.WAITING, Stage.SOLD)),
    Move(Stage.RESTORING, On.FAILED, (Stage.SECURING,)),
    Move(Stage.RESTORING, On.PUT_BACK, (Stage.WAITING, Stage.WORKING, Stage.LOOKING_AGAIN, Stage.ENDING)),
    Move(Stage.LOOKING_AGAIN, On.SENT, (Stage.LIVE,)),
    Move(Stage.LOOKING_AGAIN, On.UNFILLED, (Stage.LIVE, Stage.CANCELING, Stage.WORKING, Stage.SOLD)),
    Move(Stage.LOOKING_AGAIN, On.RELEASED, (Stage.WORKING, Stage.WAITING)),
    Move(Stage.LOOKING_AGAIN, On.LADDER_OVER, (Stage.SOLD, Stage.ENDING)),
    Move(Stage.LOOKING_AGAIN, On.PUT_OFF, (Stage.RESTORING,)),
    Move(Stage.LOOKING_AGAIN, On.TAKEN_OVER, (Stage.ENDING,)),
    Move(Stage.LOOKING_AGAIN, On.TAKEN_BACK, (Stage.SOLD, Stage.ENDING)),
    Move(Stage.ENTERED, On.SEEN_TO, (Stage.ENDING,)),
    Move(
        Stage.ENTERED,
        On.UNFILLED,
        (Stage.LIVE, Stage.WITHDRAWN, Stage.CANCELING, Stage.SECURING, Stage.WORKING, Stage.ENDING),
    ),
    Move(Stage.ENTERED, On.LEFT, (Stage.LEAVING,)),
    Move(Stage.ENTERED, On.FLAT, (Stage.ENDING,)),
    Move(Stage.ENTERED, On.TAKEN_OVER, (Stage.ENDING,)),
    Move(Stage.SOLD, On.SEEN_TO, (Stage.ENDING,)),
    Move(Stage.LEAVING, On.FLAT, (Stage.ENDING,)),
    # To be protected is all that is left for shares that could not be sold.
    Move(Stage.LEAVING, On.NOT_LEFT, (Stage.ENTERED, Stage.ENDING)),
    Move(Stage.ENDING, On.RECORDED, (Stage.UNTOLD,)),
    Move(Stage.UNTOLD, On.PUBLISHED, _AFTER_ITS_OUTCOME),
    Move(Stage.HOLDING, On.UNGUARDED, (Stage.BARE,)),
    Move(Stage.HOLDING, On.LEFT, (Stage.LEAVING_LATER,)),
    Move(Stage.HOLDING, On.FLAT, (Stage.OVER,)),
    Move(Stage.HOLDING, On.DISAGREES, (Stage.FROZEN,)),
    Move(Stage.BARE, On.SEEN_TO, (Stage.HOLDING,)),
    Move(Stage.BARE, On.LEFT, (Stage.LEAVING_LATER,)),
    Move(Stage.BARE, On.FLAT, (Stage.OVER,)),
    Move(Stage.BARE, On.DISAGREES, (Stage.FROZEN,)),
    Move(Stage.LEAVING_LATER, On.FLAT, (Stage.OVER,)),
    Move(Stage.LEAVING_LATER, On.NOT_LEFT, (Stage.BARE, Stage.HOLDING)),
    Move(Stage.LEAVING_LATER, On.DISAGREES, (Stage.FROZEN,)),
    # A broker in trouble may work off an entry minutes after it was given up: shares come without protection.
    Move(Stage.OVER, On.ARRIVED, (Stage.BARE,)),
    Move(Stage.FROZEN, On.AGREES, _AFTER_ITS_OUTCOME[0:2] + _AFTER_ITS_OUTCOME[3:]),
)
