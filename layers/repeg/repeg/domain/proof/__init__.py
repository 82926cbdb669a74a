"""What the account proves about shares, and what is concluded from it."""
