"""How much of a person's identity is left: attackers, anonymisation baselines, the audit."""
