"""Scripts that print ratios against a peer or a limit, and what they and the tests share."""
