# ERROR: a has no service class
from torpor import Service, every, get, post


x = 1
