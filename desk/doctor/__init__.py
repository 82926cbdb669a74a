"""`repeg doctor`: looks at everything an order needs, changes nothing, and names the mend of what is not ok."""
