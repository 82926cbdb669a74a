"""The steps of execute_order: each reads the record, does one thing, writes the record, and says what is next."""
