"""The HTTP edge: sockets, HTTP/1.1, and the application that routes are hung on."""
