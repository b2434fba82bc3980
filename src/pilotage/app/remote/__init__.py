"""The command line as a client of a server: what is sent, who carries it out, and what comes back."""
