"""Stands in for a data-frame library that alpaca-py imports but the order path never uses.

Importing it succeeds; using anything of it says plainly that the real library is not deployed.
"""


def __getattr__(name: str) -> object:
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)
    raise ImportError(f"{__name__}.{name}: {__name__} is not deployed with the functions, only a stand-in is")
