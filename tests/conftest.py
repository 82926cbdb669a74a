"""What every test stands on: children that can be interrupted, however the run itself was started."""

from __future__ import annotations

import gc
import signal

_RARE_COLLECTIONS = (50_000, 20, 50)


def pytest_configure() -> None:
    """Gives the run's children the signals of a keyboard.

    A run that a shell started in the background ignores these signals, and what it starts would inherit that: a test
    that interrupts its child would wait for ever. What a process handles, if only by doing nothing, its children
    start with afresh.
    """
    for name in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(name) is signal.SIG_IGN:
            signal.signal(name, lambda *_: None)


def pytest_collection_finish() -> None:
    """Spares the search for cycles in what every test stands on: modules, descriptions of services, the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_RARE_COLLECTIONS)
