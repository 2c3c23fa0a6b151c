"""Exact entropy coding: lattice and guard list, integer tables, ANS streams, the three coders."""
