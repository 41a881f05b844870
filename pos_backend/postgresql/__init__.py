"""Django's own database engine, but for how it finds out whether a kept connection still stands."""
