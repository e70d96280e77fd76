"""Webhooks: a citizen's own app, or an institution's, is told that something has happened (decision 20).

``endpoints`` is what a citizen does, ``events`` who is told of what, ``delivering`` the queue and its attempts,
``signing`` the fund's signature on each, ``wire`` the only way out of the house to an address of a stranger's choice.
"""
