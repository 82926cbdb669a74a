"""A stack and how it is reached, on the local cloud or on AWS: signals in, orders out, settings, intake and alerts."""
