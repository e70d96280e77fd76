"""The embedded PostgreSQL and Valkey, and the supervisor of the demonstration: one machine, no installation.

Nothing in here is imported by a deployed site. `python -m portal.local demo` runs everything in one terminal.
"""
