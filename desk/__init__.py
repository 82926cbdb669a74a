"""What runs on the trader's own machine; nothing of it is deployed, and ``repeg`` never imports it."""
