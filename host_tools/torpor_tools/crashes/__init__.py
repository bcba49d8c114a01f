"""Records of crashes that boards keep, and the builds that explain them."""
