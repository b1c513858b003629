"""`bench.hot` times the core alone, `bench.servers` whole servers against hand-written twins."""
