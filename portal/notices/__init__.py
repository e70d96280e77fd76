"""E-mail and inbox messages; none of them ever carries a link that signs in."""
