"""All persons and sessions side by side: tables, outliers, box plots, one page."""
