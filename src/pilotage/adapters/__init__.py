"""The world outside: routers, fleets, metrics. One folder a port; reading never changes anything, and changing
says what should be, so that saying it twice does no harm."""
