"""The server: web pages, REST API and login. It parses, asks `app`, and shows; it decides nothing."""
