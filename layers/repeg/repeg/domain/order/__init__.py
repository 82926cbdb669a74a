"""The order record and its parts."""
