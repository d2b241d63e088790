"""The common part of whole-model calls of all frameworks: plans, decisions and reports."""
