"""The desk of the fund's officers: the Django admin, read-only pages with buttons that call verbs."""
