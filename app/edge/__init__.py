"""The HTTP edge: sockets, HTTP/1.1, and the application that carries the routes."""
