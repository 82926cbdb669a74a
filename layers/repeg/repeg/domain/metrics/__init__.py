"""What is measured: the metrics that there are, what an order contributes to them, and the four figures.

Pure; `telemetry` writes what is decided here, and template, dashboard and docs are held to the list.
"""
