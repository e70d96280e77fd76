"""The desk of the fund's officers: the Django admin, read-only pages with actions that call verbs."""
