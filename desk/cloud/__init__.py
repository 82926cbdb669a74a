"""The local cloud: an AWS emulator and the simulated exchange, to which the real template is deployed."""
