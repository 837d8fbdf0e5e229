"""Before, after, target: the three figures against 30 % and 50 %."""
