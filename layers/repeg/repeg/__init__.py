"""repeg: trading signals become well-executed orders."""
