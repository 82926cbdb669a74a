"""What a trader types all day: orders, what they earned, and what was refused."""
