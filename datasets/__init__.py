"""TFDS builders of the face data sets, and the commands `datasets.build` and `datasets.check`.

Nothing here is installed: the package is used from the checkout, where it comes before any other package called
`datasets` on the path.
"""
