"""The execution report as a page: one file that asks nobody for anything, and draws its plots as SVG."""
