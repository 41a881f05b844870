"""What `make run` and `make test` need on one computer: a small PostgreSQL of their own and a supervisor.

Only for trying out, developing and testing. A server that takes real money sets DATABASE_URL and
starts the web server itself.
"""
