"""`repeg doctor`: looks at everything an order needs, changes nothing, and says how to fix what is not ok."""
