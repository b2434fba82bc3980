// What pages gain by a script; each of them works without.
