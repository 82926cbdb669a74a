"""The blotter: a page on loopback that shows a stack as it trades, pushed as it happens, and that can stop it."""
