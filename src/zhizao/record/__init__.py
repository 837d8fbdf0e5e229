"""What happened: the journal of facts and the views folded from it."""
