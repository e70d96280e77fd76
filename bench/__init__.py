"""The measurements of the fund against the limits of its database. `make bench` runs them all.

Machines differ and are shared, so that every figure is a ratio: the fund's own work over the simplest work that the
same PostgreSQL can do, measured in the same run. Nothing in here is imported by a deployed site.
"""
