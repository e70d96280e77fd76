"""The public pages and the citizen's own pages."""
