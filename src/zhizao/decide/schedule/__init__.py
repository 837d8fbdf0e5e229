"""Who does what when: problem, dispatch rules, exact and local search, and a checker that stands apart."""
