"""What `make demo` is made of: a story, stand-ins on this machine, and an honest count at the end."""
