"""Where the officers of both nations work: the Django admin, read-only pages with buttons that call the fund's verbs."""
