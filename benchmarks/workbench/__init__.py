"""What the benchmarks share: a made-up marketplace, a project to try on it, a yardstick and a table."""
