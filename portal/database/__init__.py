"""The engine of ``DATABASES``: Django's for PostgreSQL, with a cheaper question whether a connection still stands."""
