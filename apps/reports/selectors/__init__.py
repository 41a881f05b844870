"""What the reports read. Nothing here changes anything."""
