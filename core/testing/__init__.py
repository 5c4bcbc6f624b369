"""Contract suites and in-memory doubles for the authors of plugins."""
