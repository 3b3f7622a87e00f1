"""What stands before the routes: each guard is an ASGI application around the next one."""
