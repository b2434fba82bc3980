"""The vocabulary: events, looks, texts, and how they are stored."""
