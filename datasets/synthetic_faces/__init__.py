"""Faces that the project draws itself: 100 people, seven expressions, no licence and no download."""
