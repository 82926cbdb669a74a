"""What docs/architecture.md prints from the code: `python -m tests.support.architecture` rewrites it."""
