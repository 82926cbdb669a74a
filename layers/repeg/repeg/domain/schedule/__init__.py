"""What happens by the clock: when which schedule is due, what it found, and what it says."""
