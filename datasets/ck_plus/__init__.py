"""CK+: posed expressions filmed from neutral to peak, six basic expressions in 309 labelled sequences."""
