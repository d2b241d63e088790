"""Whole-model calls common to all frameworks: plans, decisions and reports."""
