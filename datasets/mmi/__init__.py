"""MMI: people filmed while they pose an expression from neutral to apex and back."""
