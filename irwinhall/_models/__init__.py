"""Whole-model initialization common to all frameworks: plans, decisions and the report."""
