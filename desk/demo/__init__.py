"""The demo: stories played on the local cloud, each with its expected outcome."""
