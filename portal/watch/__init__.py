"""What an operator must know: facts of the database, the alerts they raise, and what is looked at by the clock."""
