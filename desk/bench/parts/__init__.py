"""The parts of the benchmark: each measures one thing, says what it found, and holds it against its targets."""
