"""The models of requests and answers, from which /openapi.json is made. Only openapi.py imports them."""
