"""Who calls whom in a cluster: read from the services' sources, drawn, and used to place them."""
