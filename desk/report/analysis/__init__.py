"""What execution cost over a period: orders read into trades, trades summed up into the document of `repeg report`."""
