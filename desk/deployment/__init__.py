"""What `make deploy` asks before and does after it: where to, on which Python, and what a live stack is kept from."""
