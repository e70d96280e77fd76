"""The demonstration: an invented fund with two years of history, made by the same verbs that the real one would use."""
