"""The process: sockets, keys, limits, and the way of each request through the house."""
