"""What can go wrong with the local cloud."""

from __future__ import annotations


class CloudError(Exception):
    """The local cloud could not do what was asked; the message says why and, where it can, what to do."""


class CloudRefused(CloudError):
    """What was asked does not fit the local cloud that is up."""
