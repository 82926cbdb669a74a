"""What the order path loads."""

from __future__ import annotations

import subprocess
import sys


def test_the_adapter_loads_neither_pandas_nor_numpy() -> None:
    code = (
        "import sys; import repeg.broker.alpaca, repeg.budget.table; "
        "print([name for name in ('pandas', 'numpy', 'websockets', 'alpaca') if name in sys.modules])"
    )
    path = ":".join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert run.stdout.strip() == "[]"
