"""What the steps of the machine share."""
