"""The comparison of the whole book: the broker's orders, fills and positions against the store. Pure."""
