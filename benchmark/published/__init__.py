"""Printed results of papers as data, their audit and reconstruction."""
