"""Sanctions screening (D15): lists kept by version, names matched across scripts and spellings, hits for an officer."""
