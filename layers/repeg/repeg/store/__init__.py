"""DynamoDB: the record of every order is the truth; everything else can be rebuilt from it."""
