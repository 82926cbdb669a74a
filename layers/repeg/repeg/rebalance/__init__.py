"""The steps of rebalance_portfolio: plan, sell, buy from what that brought, and see what is left."""
