"""What a trader types all day: orders, what became of them and what they earned, and what was refused."""
