"""Contract notes, statements and tax forms as PDF."""
