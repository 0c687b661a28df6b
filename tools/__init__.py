"""Tools of the house: what no user and no Lambda function needs."""
