"""What whole-model calls of all frameworks share: plans, decisions and the report."""
