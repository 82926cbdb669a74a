"""Clients, the connection to the broker, and handlers, as a function finds them."""
