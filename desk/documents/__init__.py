"""What `--json` prints, command by command: docs/json.md is made of it, and tests compare it with what is printed."""
