"""The sample document of the demonstration."""
