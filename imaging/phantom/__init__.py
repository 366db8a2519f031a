"""A digital lower leg with known truth; imports no stage, so that it can judge them."""
