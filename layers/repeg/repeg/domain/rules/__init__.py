"""What happens next to an order."""
