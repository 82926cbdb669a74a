"""`repeg send`: signals from a file into the stack's queue."""

from __future__ import annotations

from typing import Annotated

import typer

from desk.cli.options import AsJson, StackName, name_of, text_of
from desk.cli.output import fail, print_json, refuse, tell

LARGEST_INPUT = 16 * 1024 * 1024


def send(
    file: Annotated[str, typer.Argument(help="File with one signal, a JSON array or JSON lines; - reads stdin.")],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Send signals to the queue; nothing is sent if any of them is bad."""
    from desk.cli.reaching import reaching
    from desk.stack.sending import send_all, sent_before
    from desk.stack.signal_files import BadSignals, read_signals
    from repeg.store.orders import OrderStore

    try:
        signals = read_signals(text_of(file, LARGEST_INPUT, "nothing was sent"))
    except BadSignals as problem:
        for line in problem.lines[:-1]:
            tell(f"{name_of(file)}: {line}")
        refuse(f"{name_of(file)}: {problem.lines[-1]}; nothing was sent")
    with reaching(stack) as connection:
        remarks, conflicts = sent_before(OrderStore(connection.dynamodb, connection.table), signals)
        refused = send_all(connection.sqs, connection.queue_url, signals)
    sent = [signal.signal_id for signal in signals if signal.signal_id not in refused]
    if as_json:
        print_json(sent)
    else:
        for signal_id in sent:
            print(signal_id)
    if refused:
        fail("the queue did not take: " + ", ".join(f"{name} ({why})" for name, why in refused.items()))
    if not as_json:
        tell(f"sent {len(sent)} signal{'s' if len(sent) != 1 else ''}")
    if not as_json:
        for remark in remarks:
            tell(remark)
    if conflicts:
        for conflict in conflicts[:-1]:
            tell(conflict)
        fail(conflicts[-1])
