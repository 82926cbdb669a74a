"""What is ordered to go wrong: when, about what, and what happens then."""
