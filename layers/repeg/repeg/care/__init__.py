"""The sweep: positions and orders that nobody works on."""
