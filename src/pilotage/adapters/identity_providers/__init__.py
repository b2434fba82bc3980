"""Identity providers by which people sign in: OpenID Connect, GitHub."""
