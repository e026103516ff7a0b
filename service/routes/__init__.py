"""The HTTP routes, one file for each concern; each file makes its router from what it is given."""
