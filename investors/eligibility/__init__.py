"""Who may take part: pure rules over facts, one file each (D11)."""
