"""What a provider is, as data: one file a provider, none of which imports another."""
