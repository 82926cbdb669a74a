"""What docs/architecture.md and docs/exchange.md print from the code: `python -m tests.support.architecture`."""
