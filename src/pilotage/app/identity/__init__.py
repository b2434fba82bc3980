"""Who asks: people with passwords, passkeys or an identity provider, their sessions, and tokens."""
