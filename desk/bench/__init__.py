"""What the stack costs in time, space and money, each figure beside a baseline of the same run."""
