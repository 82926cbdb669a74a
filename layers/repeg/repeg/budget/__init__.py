"""The account's budget of trading requests."""
