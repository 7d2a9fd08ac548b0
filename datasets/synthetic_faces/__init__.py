"""Faces of people who do not exist, rendered here: seven expressions, no licence and no download."""
