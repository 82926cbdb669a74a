"""The control port: the market and the exchange as whoever runs it wants them."""
