"""What we claim about speed, as a program that anyone can run: `make bench`. How to read it: README.md."""
