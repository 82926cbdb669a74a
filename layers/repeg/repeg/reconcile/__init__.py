"""The reconciler: the whole book compared with the broker, by its own clock and by itself."""
